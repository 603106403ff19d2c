# bash completion of gatehouse: made by `gatehouse completion bash`.
_gatehouse_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_gatehouse_paths() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}
_gatehouse() {
  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${COMP_WORDS[i]}" in
      ' serve' | ' config' | 'config check' | 'config print' | 'config reload' | 'config diff' | 'config explain' | ' user' | 'user add' | 'user list' | 'user show' | 'user passwd' | 'user disable' | 'user enable' | 'user remove' | 'user totp-reset' | 'user roles' | 'user import' | ' role' | 'role list' | 'role add' | 'role set' | 'role remove' | ' key' | 'key list' | 'key rotate' | ' audit' | 'audit list' | 'audit verify' | ' dead' | 'dead list' | 'dead show' | 'dead retry' | 'dead drop' | ' backup' | ' restore' | ' migrate' | ' doctor' | ' health' | ' login' | ' logout' | ' files' | 'files list' | 'files get' | 'files rm' | 'files restore' | ' upload' | ' version' | ' completion' | ' man')
        command="${command:+$command }${COMP_WORDS[i]}" ;;
    esac
  done
  case "$command:$previous" in
    'serve:--config') _gatehouse_paths -f; return ;;
    'serve:--data') _gatehouse_paths -d; return ;;
    'serve:--role') _gatehouse_words 'gateway auth files worker notifier all'; return ;;
    'serve:--listen') :; return ;;
    'serve:--ops-listen') :; return ;;
    'config check:--config') _gatehouse_paths -f; return ;;
    'config check:--data') _gatehouse_paths -d; return ;;
    'config check:--role') _gatehouse_words 'gateway auth files worker notifier all'; return ;;
    'config check:--listen') :; return ;;
    'config check:--ops-listen') :; return ;;
    'config print:--config') _gatehouse_paths -f; return ;;
    'config print:--data') _gatehouse_paths -d; return ;;
    'config print:--role') _gatehouse_words 'gateway auth files worker notifier all'; return ;;
    'config print:--listen') :; return ;;
    'config print:--ops-listen') :; return ;;
    'config reload:--config') _gatehouse_paths -f; return ;;
    'config reload:--data') _gatehouse_paths -d; return ;;
    'config diff:--config') _gatehouse_paths -f; return ;;
    'config diff:--data') _gatehouse_paths -d; return ;;
    'config explain:--token') :; return ;;
    'config explain:--header') :; return ;;
    'config explain:--config') _gatehouse_paths -f; return ;;
    'config explain:--data') _gatehouse_paths -d; return ;;
    'user add:--config') _gatehouse_paths -f; return ;;
    'user add:--data') _gatehouse_paths -d; return ;;
    'user add:--email') :; return ;;
    'user add:--role') :; return ;;
    'user list:--config') _gatehouse_paths -f; return ;;
    'user list:--data') _gatehouse_paths -d; return ;;
    'user show:--config') _gatehouse_paths -f; return ;;
    'user show:--data') _gatehouse_paths -d; return ;;
    'user passwd:--config') _gatehouse_paths -f; return ;;
    'user passwd:--data') _gatehouse_paths -d; return ;;
    'user disable:--config') _gatehouse_paths -f; return ;;
    'user disable:--data') _gatehouse_paths -d; return ;;
    'user enable:--config') _gatehouse_paths -f; return ;;
    'user enable:--data') _gatehouse_paths -d; return ;;
    'user remove:--config') _gatehouse_paths -f; return ;;
    'user remove:--data') _gatehouse_paths -d; return ;;
    'user totp-reset:--config') _gatehouse_paths -f; return ;;
    'user totp-reset:--data') _gatehouse_paths -d; return ;;
    'user roles:--config') _gatehouse_paths -f; return ;;
    'user roles:--data') _gatehouse_paths -d; return ;;
    'user import:--config') _gatehouse_paths -f; return ;;
    'user import:--data') _gatehouse_paths -d; return ;;
    'role list:--config') _gatehouse_paths -f; return ;;
    'role list:--data') _gatehouse_paths -d; return ;;
    'role add:--config') _gatehouse_paths -f; return ;;
    'role add:--data') _gatehouse_paths -d; return ;;
    'role add:--permission') :; return ;;
    'role add:--description') :; return ;;
    'role set:--config') _gatehouse_paths -f; return ;;
    'role set:--data') _gatehouse_paths -d; return ;;
    'role set:--permission') :; return ;;
    'role set:--description') :; return ;;
    'role remove:--config') _gatehouse_paths -f; return ;;
    'role remove:--data') _gatehouse_paths -d; return ;;
    'key list:--config') _gatehouse_paths -f; return ;;
    'key list:--data') _gatehouse_paths -d; return ;;
    'key rotate:--config') _gatehouse_paths -f; return ;;
    'key rotate:--data') _gatehouse_paths -d; return ;;
    'audit list:--type') :; return ;;
    'audit list:--actor') :; return ;;
    'audit list:--target') :; return ;;
    'audit list:--limit') :; return ;;
    'audit list:--config') _gatehouse_paths -f; return ;;
    'audit list:--data') _gatehouse_paths -d; return ;;
    'audit verify:--known') :; return ;;
    'audit verify:--config') _gatehouse_paths -f; return ;;
    'audit verify:--data') _gatehouse_paths -d; return ;;
    'dead list:--config') _gatehouse_paths -f; return ;;
    'dead list:--data') _gatehouse_paths -d; return ;;
    'dead show:--config') _gatehouse_paths -f; return ;;
    'dead show:--data') _gatehouse_paths -d; return ;;
    'dead retry:--config') _gatehouse_paths -f; return ;;
    'dead retry:--data') _gatehouse_paths -d; return ;;
    'dead drop:--config') _gatehouse_paths -f; return ;;
    'dead drop:--data') _gatehouse_paths -d; return ;;
    'backup:--config') _gatehouse_paths -f; return ;;
    'backup:--data') _gatehouse_paths -d; return ;;
    'restore:--config') _gatehouse_paths -f; return ;;
    'restore:--data') _gatehouse_paths -d; return ;;
    'migrate:--from') _gatehouse_paths -d; return ;;
    'migrate:--from-config') _gatehouse_paths -f; return ;;
    'migrate:--config') _gatehouse_paths -f; return ;;
    'migrate:--data') _gatehouse_paths -d; return ;;
    'doctor:--config') _gatehouse_paths -f; return ;;
    'doctor:--data') _gatehouse_paths -d; return ;;
    'doctor:--role') _gatehouse_words 'gateway auth files worker notifier all'; return ;;
    'doctor:--listen') :; return ;;
    'doctor:--ops-listen') :; return ;;
    'health:--gateway') :; return ;;
    'health:--timeout') :; return ;;
    'health:--ca') _gatehouse_paths -f; return ;;
    'health:--config') _gatehouse_paths -f; return ;;
    'health:--data') _gatehouse_paths -d; return ;;
    'health:--ops-listen') :; return ;;
    'login:--server') :; return ;;
    'login:--ca') _gatehouse_paths -f; return ;;
    'login:--otp') :; return ;;
    'logout:--server') :; return ;;
    'logout:--ca') _gatehouse_paths -f; return ;;
    'files list:--limit') :; return ;;
    'files list:--server') :; return ;;
    'files list:--ca') _gatehouse_paths -f; return ;;
    'files list:--token') :; return ;;
    'files get:-o') _gatehouse_paths -f; return ;;
    'files get:--output') _gatehouse_paths -f; return ;;
    'files get:--server') :; return ;;
    'files get:--ca') _gatehouse_paths -f; return ;;
    'files get:--token') :; return ;;
    'files rm:--server') :; return ;;
    'files rm:--ca') _gatehouse_paths -f; return ;;
    'files rm:--token') :; return ;;
    'files restore:--server') :; return ;;
    'files restore:--ca') _gatehouse_paths -f; return ;;
    'files restore:--token') :; return ;;
    'upload:--server') :; return ;;
    'upload:--ca') _gatehouse_paths -f; return ;;
    'upload:--token') :; return ;;
  esac
  case "$command" in
    '') if [[ $cur == -* ]]; then _gatehouse_words '--help --version'; else _gatehouse_words 'serve config user role key audit dead backup restore migrate doctor health login logout files upload version completion man'; fi ;;
    'serve') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --role --listen --ops-listen'; else :; fi ;;
    'config') if [[ $cur == -* ]]; then _gatehouse_words '--help'; else _gatehouse_words 'check print reload diff explain'; fi ;;
    'config check') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --role --listen --ops-listen'; else :; fi ;;
    'config print') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --role --listen --ops-listen --json'; else :; fi ;;
    'config reload') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else :; fi ;;
    'config diff') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else :; fi ;;
    'config explain') if [[ $cur == -* ]]; then _gatehouse_words '--help --token --header --config --data --json'; else _gatehouse_words 'GET HEAD POST PUT PATCH DELETE'; fi ;;
    'user') if [[ $cur == -* ]]; then _gatehouse_words '--help'; else _gatehouse_words 'add list show passwd disable enable remove totp-reset roles import'; fi ;;
    'user add') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --email --role --password-stdin'; else :; fi ;;
    'user list') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else :; fi ;;
    'user show') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else :; fi ;;
    'user passwd') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --password-stdin'; else :; fi ;;
    'user disable') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data'; else :; fi ;;
    'user enable') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data'; else :; fi ;;
    'user remove') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data'; else :; fi ;;
    'user totp-reset') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data'; else :; fi ;;
    'user roles') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data'; else :; fi ;;
    'user import') if [[ $cur == -* ]]; then _gatehouse_words '--help --skip-existing --config --data --json'; else _gatehouse_paths -f; fi ;;
    'role') if [[ $cur == -* ]]; then _gatehouse_words '--help'; else _gatehouse_words 'list add set remove'; fi ;;
    'role list') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else :; fi ;;
    'role add') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --permission --description'; else :; fi ;;
    'role set') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --permission --description'; else :; fi ;;
    'role remove') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data'; else :; fi ;;
    'key') if [[ $cur == -* ]]; then _gatehouse_words '--help'; else _gatehouse_words 'list rotate'; fi ;;
    'key list') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else :; fi ;;
    'key rotate') if [[ $cur == -* ]]; then _gatehouse_words '--help --now --config --data'; else :; fi ;;
    'audit') if [[ $cur == -* ]]; then _gatehouse_words '--help'; else _gatehouse_words 'list verify'; fi ;;
    'audit list') if [[ $cur == -* ]]; then _gatehouse_words '--help --type --actor --target --limit --config --data --json'; else :; fi ;;
    'audit verify') if [[ $cur == -* ]]; then _gatehouse_words '--help --known --config --data --json'; else :; fi ;;
    'dead') if [[ $cur == -* ]]; then _gatehouse_words '--help'; else _gatehouse_words 'list show retry drop'; fi ;;
    'dead list') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else :; fi ;;
    'dead show') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else :; fi ;;
    'dead retry') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data'; else :; fi ;;
    'dead drop') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data'; else :; fi ;;
    'backup') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else _gatehouse_paths -d; fi ;;
    'restore') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --json'; else _gatehouse_paths -d; fi ;;
    'migrate') if [[ $cur == -* ]]; then _gatehouse_words '--help --from --from-config --finish --back --config --data --json'; else :; fi ;;
    'doctor') if [[ $cur == -* ]]; then _gatehouse_words '--help --config --data --role --listen --ops-listen --json'; else :; fi ;;
    'health') if [[ $cur == -* ]]; then _gatehouse_words '--help --gateway --timeout --ca --config --data --ops-listen --json'; else _gatehouse_words 'ready live started'; fi ;;
    'login') if [[ $cur == -* ]]; then _gatehouse_words '--help --server --ca --password-stdin --otp --json'; else :; fi ;;
    'logout') if [[ $cur == -* ]]; then _gatehouse_words '--help --server --ca'; else :; fi ;;
    'files') if [[ $cur == -* ]]; then _gatehouse_words '--help'; else _gatehouse_words 'list get rm restore'; fi ;;
    'files list') if [[ $cur == -* ]]; then _gatehouse_words '--help --limit --trash --server --ca --token --json'; else :; fi ;;
    'files get') if [[ $cur == -* ]]; then _gatehouse_words '--help --output --force --server --ca --token --json'; else :; fi ;;
    'files rm') if [[ $cur == -* ]]; then _gatehouse_words '--help --permanent --server --ca --token --json'; else :; fi ;;
    'files restore') if [[ $cur == -* ]]; then _gatehouse_words '--help --server --ca --token --json'; else :; fi ;;
    'upload') if [[ $cur == -* ]]; then _gatehouse_words '--help --server --ca --token --json'; else _gatehouse_paths -f; fi ;;
    'version') if [[ $cur == -* ]]; then _gatehouse_words '--help --json'; else :; fi ;;
    'completion') if [[ $cur == -* ]]; then _gatehouse_words '--help'; else _gatehouse_words 'bash zsh fish'; fi ;;
    'man') if [[ $cur == -* ]]; then _gatehouse_words '--help'; else :; fi ;;
  esac
}
complete -F _gatehouse gatehouse
