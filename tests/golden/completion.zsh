#compdef gatehouse
# zsh completion of gatehouse: made by `gatehouse completion zsh`.
_gatehouse() {
  local command='' i at=1
  local -a commands
  for ((i = 2; i < CURRENT; i++)); do
    case "$command $words[i]" in
      (' serve'|' config'|'config check'|'config print'|'config reload'|'config diff'|'config explain'|' user'|'user add'|'user list'|'user show'|'user passwd'|'user disable'|'user enable'|'user remove'|'user totp-reset'|'user roles'|'user import'|' role'|'role list'|'role add'|'role set'|'role remove'|' key'|'key list'|'key rotate'|' audit'|'audit list'|'audit verify'|' dead'|'dead list'|'dead show'|'dead retry'|'dead drop'|' backup'|' restore'|' migrate'|' doctor'|' health'|' login'|' logout'|' files'|'files list'|'files get'|'files rm'|'files restore'|' upload'|' version'|' completion'|' man')
        command="${command:+$command }$words[i]"
        at=$i
        ;;
    esac
  done
  words=("$words[1]" "${(@)words[at+1,-1]}")
  ((CURRENT -= at - 1))
  case "$command" in
    ('')
      commands=(
        'serve:Run Gatehouse'
        'config:Look at the configuration'
        'user:Manage users, on a running server too'
        'role:Manage roles\: what their users may do'
        'key:Manage the keys that tokens are signed with'
        'audit:Look at the log of who did what'
        'dead:Manage dead letters\: events that failed too often'
        'backup:Copy the embedded stores as they are at one moment'
        'restore:Bring a backup back into an empty data directory'
        'migrate:Move embedded stores to servers, and compare'
        'doctor:Tell what is wrong with an installation, and what to do about it'
        'health:Ask a running server whether it is ready'
        'login:Log in at a server, as one of its users'
        'logout:End the session of `gatehouse login`'
        'files:Look at your files on a server, get and remove them'
        'upload:Upload files to a server'
        'version:Print the version, the commit and the build'
        'completion:Print what completes the commands in a shell'
        'man:Print the manual page'
      )
      _describe command commands
      ;;
    ('serve')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--role[Role to run\: gateway, auth, files, worker, notifier or all; may be repeated]:ROLE:(gateway auth files worker notifier all)' \
        '*--listen[Public address (default\: 127.0.0.1\:8080; port 0\: any free one)]:ADDR\:PORT: ' \
        '*--ops-listen[Address of probes and metrics (default\: 127.0.0.1\:9090)]:ADDR\:PORT: '
      ;;
    ('config')
      commands=(
        'check:Tell every error of the configuration at once'
        'print:Print what is in force, without secrets'
        'reload:Let the running server read its configuration again'
        'diff:Tell what a reload of the running server would change'
        'explain:Tell what the gateway would do with a request, and why; nothing is sent'
      )
      _describe command commands
      ;;
    ('config check')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--role[Role to run\: gateway, auth, files, worker, notifier or all; may be repeated]:ROLE:(gateway auth files worker notifier all)' \
        '*--listen[Public address (default\: 127.0.0.1\:8080; port 0\: any free one)]:ADDR\:PORT: ' \
        '*--ops-listen[Address of probes and metrics (default\: 127.0.0.1\:9090)]:ADDR\:PORT: '
      ;;
    ('config print')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--role[Role to run\: gateway, auth, files, worker, notifier or all; may be repeated]:ROLE:(gateway auth files worker notifier all)' \
        '*--listen[Public address (default\: 127.0.0.1\:8080; port 0\: any free one)]:ADDR\:PORT: ' \
        '*--ops-listen[Address of probes and metrics (default\: 127.0.0.1\:9090)]:ADDR\:PORT: ' \
        '*--json[Print JSON]'
      ;;
    ('config reload')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]'
      ;;
    ('config diff')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]'
      ;;
    ('config explain')
      _arguments -S \
        '*--token[Access token of the request]:TOKEN: ' \
        '*--header[Header field of the request; may be repeated]:"NAME\: VALUE": ' \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]' \
        ':METHOD:(GET HEAD POST PUT PATCH DELETE)' \
        ':URL: '
      ;;
    ('user')
      commands=(
        'add:Add a user'
        'list:List the users'
        'show:Show one user'
        'passwd:Set a user'\''s password; ends the sessions'
        'disable:Lock a user out; ends the sessions'
        'enable:Let a user in again'
        'remove:Remove a user'
        'totp-reset:Take a user'\''s second factor away'
        'roles:Give a user these roles instead of all others'
        'import:Add many users, with the password hashes that they have'
      )
      _describe command commands
      ;;
    ('user add')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--email[E-mail address]:EMAIL: ' \
        '*--role[Role of the user, such as admin; may be repeated (default\: user)]:ROLE: ' \
        '*--password-stdin[Read the password from standard input]' \
        ':NAME: '
      ;;
    ('user list')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]'
      ;;
    ('user show')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]' \
        ':NAME: '
      ;;
    ('user passwd')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--password-stdin[Read the password from standard input]' \
        ':NAME: '
      ;;
    ('user disable')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        ':NAME: '
      ;;
    ('user enable')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        ':NAME: '
      ;;
    ('user remove')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        ':NAME: '
      ;;
    ('user totp-reset')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        ':NAME: '
      ;;
    ('user roles')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        ':NAME: ' \
        '*:ROLE: '
      ;;
    ('user import')
      _arguments -S \
        '*--skip-existing[Leave out whose name or address somebody has]' \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]' \
        ':FILE:_files'
      ;;
    ('role')
      commands=(
        'list:List the roles'
        'add:Add a role'
        'set:Give a role these permissions instead of all others'
        'remove:Remove a role that nobody has'
      )
      _describe command commands
      ;;
    ('role list')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]'
      ;;
    ('role add')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--permission[Permission, such as orders\:read; may be repeated]:PERMISSION: ' \
        '*--description[What the role is for]:TEXT: ' \
        ':NAME: '
      ;;
    ('role set')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--permission[Permission, such as orders\:read; may be repeated]:PERMISSION: ' \
        '*--description[What the role is for]:TEXT: ' \
        ':NAME: '
      ;;
    ('role remove')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        ':NAME: '
      ;;
    ('key')
      commands=(
        'list:List the keys'
        'rotate:Publish a new key, and sign with it as soon as every verifier knows it'
      )
      _describe command commands
      ;;
    ('key list')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]'
      ;;
    ('key rotate')
      _arguments -S \
        '*--now[Sign with it at once\: verifiers that have not fetched it yet refuse its tokens for a moment]' \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/'
      ;;
    ('audit')
      commands=(
        'list:List the newest records'
        'verify:Prove that no record was changed, added or taken'
      )
      _describe command commands
      ;;
    ('audit list')
      _arguments -S \
        '*--type[Only records of this type, such as login.refused]:TYPE: ' \
        '*--actor[Only what this user id, or command-line, did]:ID: ' \
        '*--target[Only what was done to this user, session or key]:ID: ' \
        '*--limit[At most so many, up to 1000 (default\: 50)]:N: ' \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]'
      ;;
    ('audit verify')
      _arguments -S \
        '*--known[What an earlier run printed and was kept elsewhere]:NUMBER\:HASH: ' \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]'
      ;;
    ('dead')
      commands=(
        'list:List the dead letters, newest first'
        'show:Show one, with its event'
        'retry:Put one back into its queue'
        'drop:Throw one away'
      )
      _describe command commands
      ;;
    ('dead list')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]'
      ;;
    ('dead show')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]' \
        ':ID: '
      ;;
    ('dead retry')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        ':ID: '
      ;;
    ('dead drop')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        ':ID: '
      ;;
    ('backup')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]' \
        ':DIR:_files -/'
      ;;
    ('restore')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]' \
        ':DIR:_files -/'
      ;;
    ('migrate')
      _arguments -S \
        '*--from[Data directory of the embedded stores]:DIR:_files -/' \
        '*--from-config[Configuration file of their server, if it has one]:FILE:_files' \
        '*--finish[Close the embedded stores for changes and bring the rest]' \
        '*--back[Let the embedded stores take changes again]' \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--json[Print JSON]'
      ;;
    ('doctor')
      _arguments -S \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--role[Role to run\: gateway, auth, files, worker, notifier or all; may be repeated]:ROLE:(gateway auth files worker notifier all)' \
        '*--listen[Public address (default\: 127.0.0.1\:8080; port 0\: any free one)]:ADDR\:PORT: ' \
        '*--ops-listen[Address of probes and metrics (default\: 127.0.0.1\:9090)]:ADDR\:PORT: ' \
        '*--json[Print JSON]'
      ;;
    ('health')
      _arguments -S \
        '*--gateway[Ask the gateway at this URL instead, as its clients do\: does it answer, and reach auth?]:URL: ' \
        '*--timeout[How long to wait at most (default\: 2s)]:DURATION: ' \
        '*--ca[File with the authorities of the gateway'\''s certificate]:FILE:_files' \
        '*--config[Configuration file (or the variable GATEHOUSE_CONFIG)]:FILE:_files' \
        '*--data[Data directory (default\: data)]:DIR:_files -/' \
        '*--ops-listen[Address of probes and metrics (default\: 127.0.0.1\:9090)]:ADDR\:PORT: ' \
        '*--json[Print JSON]' \
        ':PROBE:(ready live started)'
      ;;
    ('login')
      _arguments -S \
        '*--server[URL of the server (or the variable GATEHOUSE_SERVER; default\: that of the last login)]:URL: ' \
        '*--ca[File with the authorities of its certificate (default\: the system'\''s)]:FILE:_files' \
        '*--password-stdin[Read the password from standard input]' \
        '*--otp[Code of the second factor; asked for when it is needed]:CODE: ' \
        '*--json[Print JSON]' \
        ':NAME: '
      ;;
    ('logout')
      _arguments -S \
        '*--server[URL of the server (or the variable GATEHOUSE_SERVER; default\: that of the last login)]:URL: ' \
        '*--ca[File with the authorities of its certificate (default\: the system'\''s)]:FILE:_files'
      ;;
    ('files')
      commands=(
        'list:List your files, newest first'
        'get:Download a file'
        'rm:Remove files, and what was made of them'
        'restore:Take files out of the trash'
      )
      _describe command commands
      ;;
    ('files list')
      _arguments -S \
        '*--limit[How many at most (default\: 50)]:N: ' \
        '*--trash[Those in the trash]' \
        '*--server[URL of the server (or the variable GATEHOUSE_SERVER; default\: that of the last login)]:URL: ' \
        '*--ca[File with the authorities of its certificate (default\: the system'\''s)]:FILE:_files' \
        '*--token[Access token; better by the variable GATEHOUSE_TOKEN, which other users cannot see]:TOKEN: ' \
        '*--json[Print JSON]'
      ;;
    ('files get')
      _arguments -S \
        '*-o[File or directory to write to; -\: standard output]:FILE:_files' \
        '*--output[File or directory to write to; -\: standard output]:FILE:_files' \
        '*--force[Replace what is there]' \
        '*--server[URL of the server (or the variable GATEHOUSE_SERVER; default\: that of the last login)]:URL: ' \
        '*--ca[File with the authorities of its certificate (default\: the system'\''s)]:FILE:_files' \
        '*--token[Access token; better by the variable GATEHOUSE_TOKEN, which other users cannot see]:TOKEN: ' \
        '*--json[Print JSON]' \
        ':ID: '
      ;;
    ('files rm')
      _arguments -S \
        '*--permanent[For good, also from the trash]' \
        '*--server[URL of the server (or the variable GATEHOUSE_SERVER; default\: that of the last login)]:URL: ' \
        '*--ca[File with the authorities of its certificate (default\: the system'\''s)]:FILE:_files' \
        '*--token[Access token; better by the variable GATEHOUSE_TOKEN, which other users cannot see]:TOKEN: ' \
        '*--json[Print JSON]' \
        '*:ID: '
      ;;
    ('files restore')
      _arguments -S \
        '*--server[URL of the server (or the variable GATEHOUSE_SERVER; default\: that of the last login)]:URL: ' \
        '*--ca[File with the authorities of its certificate (default\: the system'\''s)]:FILE:_files' \
        '*--token[Access token; better by the variable GATEHOUSE_TOKEN, which other users cannot see]:TOKEN: ' \
        '*--json[Print JSON]' \
        '*:ID: '
      ;;
    ('upload')
      _arguments -S \
        '*--server[URL of the server (or the variable GATEHOUSE_SERVER; default\: that of the last login)]:URL: ' \
        '*--ca[File with the authorities of its certificate (default\: the system'\''s)]:FILE:_files' \
        '*--token[Access token; better by the variable GATEHOUSE_TOKEN, which other users cannot see]:TOKEN: ' \
        '*--json[Print JSON]' \
        '*:FILE:_files'
      ;;
    ('version')
      _arguments -S \
        '*--json[Print JSON]'
      ;;
    ('completion')
      _arguments -S \
        ':SHELL:(bash zsh fish)'
      ;;
    ('man')
      _arguments -S
      ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _gatehouse "$@"
else
  compdef _gatehouse gatehouse
fi
