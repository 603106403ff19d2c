// SPDX-License-Identifier: Apache-2.0
#include "app/cli.hpp"

#include "app/backup.hpp"
#include "app/cli_commands.hpp"
#include "app/client_commands.hpp"
#include "app/command_model.hpp"
#include "app/config_commands.hpp"
#include "app/config_explain.hpp"
#include "app/describe.hpp"
#include "app/doctor.hpp"
#include "app/health_command.hpp"
#include "app/import_command.hpp"
#include "app/migrate_command.hpp"
#include "app/serve.hpp"
#include "app/version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdlib>

namespace gatehouse::app {

namespace {

using Action = std::function<int(const CommandLine&)>;

// Builds the commands; `action` becomes the one that was asked for.
class Parser final {
public:
    Parser()
        : app_("The front door of a microservice application: gateway, logins, files and the work that follows.",
               "gatehouse")
    {
        app_.require_subcommand(1);
        app_.set_version_flag("--version", fmt::format("gatehouse {}", GATEHOUSE_VERSION));
        app_.get_formatter()->column_width(34);
        app_.footer("`gatehouse COMMAND --help` tells more about each of them.\n\n"
                    "Exit codes: 0 fine, 1 failed, 2 bad usage or configuration.");
        add_serve();
        add_config();
        add_user();
        add_role();
        add_key();
        add_audit();
        add_dead();
        add_backup();
        add_migrate();
        add_doctor();
        add_health();
        add_login();
        add_files();
        add_upload();
        add_json(command(app_, "version", "Print the version, the commit and the build", app::print_version));
        add_completion();
        add_describe();
    }

    CLI::App& app() { return app_; }
    int run() const { return action_(line_); }

private:
    CLI::App* command(CLI::App& parent, const std::string& name, const std::string& help, Action action)
    {
        CLI::App* made = parent.add_subcommand(name, help);
        made->callback([this, action = std::move(action)] { action_ = action; });
        return made;
    }

    CLI::App* group(const std::string& name, const std::string& help)
    {
        CLI::App* made = app_.add_subcommand(name, help);
        made->require_subcommand(1);
        return made;
    }

    void add_common(CLI::App* to)
    {
        to->add_option("--config", line_.config, "Configuration file (or the variable GATEHOUSE_CONFIG)")
            ->option_text("FILE");
        to->add_option("--data", line_.flags.data, "Data directory (default: data)")->option_text("DIR");
    }

    void add_json(CLI::App* to) { to->add_flag("--json", line_.json, "Print JSON"); }

    void add_process_flags(CLI::App* to)
    {
        add_common(to);
        to->add_option("--role", line_.flags.roles,
                       "Role to run: gateway, auth, files, worker, notifier or all; may be repeated")
            ->delimiter(',')
            ->option_text("ROLE")
            ->allow_extra_args(false);
        to->add_option("--listen", line_.flags.listen, "Public address (default: 127.0.0.1:8080; port 0: any free one)")
            ->option_text("ADDR:PORT");
        add_ops_listen(to);
    }

    void add_ops_listen(CLI::App* to)
    {
        to->add_option("--ops-listen", line_.flags.ops_listen,
                       "Address of probes and metrics (default: 127.0.0.1:9090)")
            ->option_text("ADDR:PORT");
    }

    void add_serve()
    {
        CLI::App* serve = command(app_, "serve", "Run Gatehouse", app::serve);
        add_process_flags(serve);
        serve->footer(
            "Examples:\n"
            "  gatehouse serve\n"
            "  gatehouse serve --data /var/lib/gatehouse --listen :8080\n"
            "  gatehouse serve --config gatehouse.yaml\n\n"
            "SIGTERM and SIGINT end it when the requests in progress are done; a second one ends it at once.\n"
            "SIGHUP reloads the configuration.");
    }

    void add_config()
    {
        CLI::App* config = group("config", "Look at the configuration");
        CLI::App* check = command(*config, "check", "Tell every error of the configuration at once", config_check);
        add_process_flags(check);
        check->footer("Examples:\n  gatehouse config check --config gatehouse.yaml");
        CLI::App* print = command(*config, "print", "Print what is in force, without secrets", config_print);
        add_process_flags(print);
        add_json(print);
        print->footer("Examples:\n  gatehouse config print\n"
                      "  GATEHOUSE_AUTH__ACCESS_TOKEN_TTL=5m gatehouse config print --config gatehouse.yaml --json");
        CLI::App* reload =
            command(*config, "reload", "Let the running server read its configuration again", config_reload);
        add_common(reload);
        add_json(reload);
        reload->footer(
            "Requests in progress end by the old configuration, those that begin afterwards by the new one.\n"
            "Exit code 2, and the old one stays, when anything is wrong with the new one.");
        CLI::App* diff = command(*config, "diff", "Tell what a reload of the running server would change", config_diff);
        add_common(diff);
        add_json(diff);
        add_explain(*config);
        diff->footer("Exit code 0 when nothing would change, 1 when something would, 2 when the new configuration is "
                     "wrong.");
    }

    void add_explain(CLI::App& config)
    {
        CLI::App* explain =
            command(config, "explain", "Tell what the gateway would do with a request, and why; nothing is sent",
                    config_explain);
        explain->add_option("method", line_.method, "GET, POST, ...")->option_text("METHOD")->required();
        explain->add_option("url", line_.url, "A path, or a URL as the client writes it")
            ->option_text("URL")
            ->required();
        explain->add_option("--token", line_.token, "Access token of the request")->option_text("TOKEN");
        explain->add_option("--header", line_.headers, "Header field of the request; may be repeated")
            ->option_text("\"NAME: VALUE\"")
            ->allow_extra_args(false);
        add_common(explain);
        add_json(explain);
        explain->footer("Examples:\n"
                        "  gatehouse config explain GET /orders/7 --token \"$TOKEN\"\n"
                        "  gatehouse config explain POST https://shop.example.com/cart --header \"X-Beta: 1\"\n\n"
                        "The running server tells, for it knows the keys, what was revoked and which endpoints are up. "
                        "Without one the configuration alone does.");
    }

    CLI::App* user_command(CLI::App& group, const std::string& name, const std::string& help, Action action)
    {
        CLI::App* made = command(group, name, help, std::move(action));
        made->add_option("name", line_.name, "User name")->option_text("NAME")->required();
        add_common(made);
        return made;
    }

    void add_user()
    {
        CLI::App* user = group("user", "Manage users, on a running server too");
        CLI::App* add = user_command(*user, "add", "Add a user", user_add);
        add->add_option("--email", line_.email, "E-mail address")->option_text("EMAIL");
        add->add_option("--role", line_.user_roles, "Role of the user, such as admin; may be repeated (default: user)")
            ->delimiter(',')
            ->option_text("ROLE")
            ->allow_extra_args(false);
        add_password(add);
        add->footer("Examples:\n  gatehouse user add ada --email ada@example.org --role admin\n"
                    "  pwgen 24 1 | gatehouse user add robot --password-stdin\n\n"
                    "Without --password-stdin the password is asked for on the terminal.");
        CLI::App* list = command(*user, "list", "List the users", user_list);
        add_common(list);
        add_json(list);
        add_json(user_command(*user, "show", "Show one user", user_show));
        add_password(user_command(*user, "passwd", "Set a user's password; ends the sessions", user_passwd));
        user_command(*user, "disable", "Lock a user out; ends the sessions", user_disable);
        user_command(*user, "enable", "Let a user in again", user_enable);
        user_command(*user, "remove", "Remove a user", user_remove);
        user_command(*user, "totp-reset", "Take a user's second factor away", user_totp_reset);
        CLI::App* roles = user_command(*user, "roles", "Give a user these roles instead of all others", user_roles);
        roles->add_option("role", line_.user_roles, "Roles, such as admin")->option_text("ROLE...")->required();
        roles->footer("Examples:\n  gatehouse user roles ada user editor");
        add_import(*user);
    }

    void add_import(CLI::App& user)
    {
        CLI::App* import =
            command(user, "import", "Add many users, with the password hashes that they have", user_import);
        import->add_option("file", line_.file, "One JSON object a line")->option_text("FILE")->required();
        import->add_flag("--skip-existing", line_.skip_existing, "Leave out whose name or address somebody has");
        add_common(import);
        add_json(import);
        import->footer(
            "A line:\n"
            "  "
            "{\"username\":\"ada\",\"email\":\"ada@example.org\",\"roles\":[\"user\"],\"password_hash\":\"$2b$12$...\"}"
            "\n\n"
            "Hashes are bcrypt ($2a$, $2b$, $2y$), PBKDF2 ($pbkdf2-sha256$..., pbkdf2_sha256$...) or {plain}...;\n"
            "\"password_plain\" gives the password itself. Each becomes an argon2id hash at the first login.\n"
            "All lines are checked before the first is imported.");
    }

    CLI::App* role_command(CLI::App& group, const std::string& name, const std::string& help, Action action)
    {
        CLI::App* made = command(group, name, help, std::move(action));
        made->add_option("name", line_.name, "Name of the role")->option_text("NAME")->required();
        add_common(made);
        return made;
    }

    void add_role_fields(CLI::App* to)
    {
        to->add_option("--permission", line_.permissions, "Permission, such as orders:read; may be repeated")
            ->delimiter(',')
            ->option_text("PERMISSION")
            ->allow_extra_args(false);
        to->add_option("--description", line_.description, "What the role is for")->option_text("TEXT");
    }

    void add_role()
    {
        CLI::App* role = group("role", "Manage roles: what their users may do");
        CLI::App* list = command(*role, "list", "List the roles", role_list);
        add_common(list);
        add_json(list);
        CLI::App* add = role_command(*role, "add", "Add a role", role_add);
        add_role_fields(add);
        add->footer("Examples:\n  gatehouse role add editor --permission articles:read,articles:write\n"
                    "  gatehouse role add auditor --permission admin:audit --description \"Reads the audit log\"");
        CLI::App* set = role_command(*role, "set", "Give a role these permissions instead of all others", role_set);
        add_role_fields(set);
        set->footer("The permissions of everybody who has the role change with their next request.");
        role_command(*role, "remove", "Remove a role that nobody has", role_remove);
    }

    void add_password(CLI::App* to)
    {
        to->add_flag("--password-stdin", line_.password_stdin, "Read the password from standard input");
    }

    void add_key()
    {
        CLI::App* key = group("key", "Manage the keys that tokens are signed with");
        CLI::App* list = command(*key, "list", "List the keys", key_list);
        add_common(list);
        add_json(list);
        CLI::App* rotate = command(
            *key, "rotate", "Publish a new key, and sign with it as soon as every verifier knows it", key_rotate);
        rotate->add_flag("--now", line_.now,
                         "Sign with it at once: verifiers that have not fetched it yet refuse its tokens for a moment");
        add_common(rotate);
        rotate->footer("How long the new key is published before it signs is auth.key_publish_ahead. Tokens of the old "
                       "key are accepted until they expire.");
    }

    void add_audit()
    {
        CLI::App* audit = group("audit", "Look at the log of who did what");
        CLI::App* list = command(*audit, "list", "List the newest records", audit_list);
        list->add_option("--type", line_.audit_type, "Only records of this type, such as login.refused")
            ->option_text("TYPE");
        list->add_option("--actor", line_.audit_actor, "Only what this user id, or command-line, did")
            ->option_text("ID");
        list->add_option("--target", line_.audit_target, "Only what was done to this user, session or key")
            ->option_text("ID");
        list->add_option("--limit", line_.audit_limit, "At most so many, up to 1000 (default: 50)")
            ->check(CLI::Range(1, 1000))
            ->option_text("N");
        add_common(list);
        add_json(list);
        CLI::App* verify = command(*audit, "verify", "Prove that no record was changed, added or taken", audit_verify);
        verify->add_option("--known", line_.known_head, "What an earlier run printed and was kept elsewhere")
            ->option_text("NUMBER:HASH");
        add_common(verify);
        add_json(verify);
        verify->footer("Exit code 1, and the number of the first wrong record, when the chain of hashes is broken.\n"
                       "Keep what it prints in another place: with --known a log that was written anew is found, too.");
    }

    CLI::App* letter_command(CLI::App& group, const std::string& name, const std::string& help, Action action)
    {
        CLI::App* made = command(group, name, help, std::move(action));
        made->add_option("id", line_.id, "Id of the letter, as `dead list` shows it")->option_text("ID")->required();
        add_common(made);
        return made;
    }

    void add_dead()
    {
        CLI::App* dead = group("dead", "Manage dead letters: events that failed too often");
        CLI::App* list = command(*dead, "list", "List the dead letters, newest first", dead_list);
        add_common(list);
        add_json(list);
        add_json(letter_command(*dead, "show", "Show one, with its event", dead_show));
        letter_command(*dead, "retry", "Put one back into its queue", dead_retry);
        letter_command(*dead, "drop", "Throw one away", dead_drop);
    }

    void add_backup()
    {
        CLI::App* backup = command(app_, "backup", "Copy the embedded stores as they are at one moment", app::backup);
        backup->add_option("directory", line_.file, "Directory to make")->option_text("DIR")->required();
        add_common(backup);
        add_json(backup);
        backup->footer("A running server goes on meanwhile. Databases, content and keys are copied, and every copy is "
                       "compared by its SHA-256: keep the directory as secret as the data. Stores on servers have "
                       "backups of their own.\n\n"
                       "Examples:\n  gatehouse backup /backup/gatehouse-$(date +%F) --data /var/lib/gatehouse");
        CLI::App* restore = command(app_, "restore", "Bring a backup back into an empty data directory", app::restore);
        restore->add_option("directory", line_.file, "Directory of the backup")->option_text("DIR")->required();
        add_common(restore);
        add_json(restore);
        restore->footer(
            "No server may run there. Everything is compared with the backup's list before the first start. "
            "One that was interrupted is repeated by the same command.");
    }

    void add_migrate()
    {
        CLI::App* made = command(app_, "migrate", "Move embedded stores to servers, and compare", app::migrate);
        MigrateLine& line = line_.migrate;
        made->add_option("--from", line.from, "Data directory of the embedded stores")->option_text("DIR")->required();
        made->add_option("--from-config", line.from_config, "Configuration file of their server, if it has one")
            ->option_text("FILE");
        auto* finish =
            made->add_flag("--finish", line.finish, "Close the embedded stores for changes and bring the rest");
        made->add_flag("--back", line.back, "Let the embedded stores take changes again")->excludes(finish);
        add_common(made);
        add_json(made);
        made->footer("--config names the new configuration, whose stores are servers and empty; environment variables "
                     "are its own. A server on the embedded stores goes on meanwhile. Each run brings what is new and "
                     "reads all of it back; --finish is the last one: the old server only reads from then on.\n\n"
                     "Examples:\n  gatehouse migrate --from /var/lib/gatehouse --config new.yaml --data /var/lib/new\n"
                     "  gatehouse migrate --from /var/lib/gatehouse --config new.yaml --data /var/lib/new --finish\n"
                     "  gatehouse migrate --from /var/lib/gatehouse --back");
    }

    void add_doctor()
    {
        CLI::App* made =
            command(app_, "doctor", "Tell what is wrong with an installation, and what to do about it", doctor);
        add_process_flags(made);
        add_json(made);
        made->footer(
            "Looks at the configuration, ports, data directory, disk, stores, queues, clocks, keys, "
            "certificates, other roles, services behind routes, programs and the mail server; changes nothing. "
            "Works with and without a running server: run it as the same user, with the same --config and "
            "--role.\n\n"
            "Exit code 0 when nothing failed, 1 when something did, 2 when the configuration is wrong.\n\n"
            "Examples:\n  gatehouse doctor --config gatehouse.yaml\n"
            "  gatehouse doctor --role gateway --json");
    }

    void add_health()
    {
        CLI::App* made = command(app_, "health", "Ask a running server whether it is ready", app::health);
        HealthLine& line = line_.health;
        made->add_option("probe", line.probe, "ready (default): requests may be sent to it; live: it answers; started")
            ->check(CLI::IsMember({"ready", "live", "started"}))
            ->option_text("PROBE");
        made->add_option("--gateway", line.gateway,
                         "Ask the gateway at this URL instead, as its clients do: does it answer, and reach auth?")
            ->option_text("URL")
            ->excludes("probe");
        made->add_option("--timeout", line.timeout, "How long to wait at most (default: 2s)")->option_text("DURATION");
        made->add_option("--ca", line_.client.ca, "File with the authorities of the gateway's certificate")
            ->option_text("FILE");
        add_common(made);
        add_ops_listen(made);
        add_json(made);
        made->footer(
            "For containers: asks ops.listen of the same configuration and environment as `gatehouse serve`.\n\n"
            "Exit code 0 when it is, 1 and what it lacks when not or when nothing answers.\n\n"
            "Examples:\n  gatehouse health\n  gatehouse health live --timeout 500ms\n"
            "  gatehouse health --gateway https://files.example.com");
    }

    void add_server(CLI::App* to)
    {
        to->add_option("--server", line_.client.server,
                       "URL of the server (or the variable GATEHOUSE_SERVER; default: that of the last login)")
            ->option_text("URL");
        to->add_option("--ca", line_.client.ca, "File with the authorities of its certificate (default: the system's)")
            ->option_text("FILE");
    }

    void add_client(CLI::App* to)
    {
        add_server(to);
        to->add_option("--token", line_.client.token,
                       "Access token; better by the variable GATEHOUSE_TOKEN, which other users cannot see")
            ->option_text("TOKEN");
        add_json(to);
    }

    void add_login()
    {
        CLI::App* login = command(app_, "login", "Log in at a server, as one of its users", client_login);
        login->add_option("name", line_.name, "User name; asked for when it is missing")->option_text("NAME");
        add_server(login);
        add_password(login);
        login->add_option("--otp", line_.client.otp, "Code of the second factor; asked for when it is needed")
            ->option_text("CODE");
        add_json(login);
        login->footer("The session is kept in $XDG_CONFIG_HOME/gatehouse/session.json, for you alone, and renewed by "
                      "the commands that use it.\n\n"
                      "Examples:\n  gatehouse login --server https://files.example.com ada");
        add_server(command(app_, "logout", "End the session of `gatehouse login`", client_logout));
    }

    void add_files()
    {
        CLI::App* files = group("files", "Look at your files on a server, get and remove them");
        CLI::App* list = command(*files, "list", "List your files, newest first", files_list);
        list->add_option("--limit", line_.client.limit, "How many at most (default: 50)")
            ->check(CLI::Range(1, 100'000))
            ->option_text("N");
        list->add_flag("--trash", line_.client.trash, "Those in the trash");
        add_client(list);
        CLI::App* get = command(*files, "get", "Download a file", files_get);
        get->add_option("id", line_.id, "Id of the file, as `gatehouse files list` prints it")
            ->option_text("ID")
            ->required();
        get->add_option("-o,--output", line_.client.output, "File or directory to write to; -: standard output")
            ->option_text("FILE");
        get->add_flag("--force", line_.client.force, "Replace what is there");
        add_client(get);
        get->footer(
            "It is compared with its SHA-256 before it gets its name. A download that was interrupted is gone on "
            "with by the same command.");
        CLI::App* remove = command(*files, "rm", "Remove files, and what was made of them", files_remove);
        remove->add_option("id", line_.client.ids, "Ids of files")->option_text("ID...")->required();
        remove->add_flag("--permanent", line_.client.permanent, "For good, also from the trash");
        add_client(remove);
        CLI::App* restore = command(*files, "restore", "Take files out of the trash", files_restore);
        restore->add_option("id", line_.client.ids, "Ids of files, as `gatehouse files list --trash` prints them")
            ->option_text("ID...")
            ->required();
        add_client(restore);
    }

    void add_upload()
    {
        CLI::App* upload = command(app_, "upload", "Upload files to a server", client_upload);
        upload->add_option("file", line_.client.paths, "Files")->option_text("FILE...")->required();
        add_client(upload);
        upload->footer("Examples:\n  gatehouse upload holiday.mp4\n"
                       "  GATEHOUSE_TOKEN=... gatehouse upload --server https://files.example.com *.jpg --json");
    }

    void add_completion()
    {
        CLI::App* made = command(app_, "completion", "Print what completes the commands in a shell", print_completion);
        made->add_option("shell", line_.what, "bash, zsh or fish")->option_text("SHELL")->required();
        made->footer("Examples:\n"
                     "  gatehouse completion bash > ~/.local/share/bash-completion/completions/gatehouse\n"
                     "  gatehouse completion zsh > ~/.zfunc/_gatehouse\n"
                     "  gatehouse completion fish > ~/.config/fish/completions/gatehouse.fish");
        CLI::App* man = command(app_, "man", "Print the manual page", print_man_page);
        man->footer("Examples:\n  gatehouse man | man -l -");
    }

    // Not for people: what the generated pages of the repository are made of.
    void add_describe()
    {
        CLI::App* made = command(app_, "describe", "Print a generated page", describe);
        made->add_option("what", line_.what, "configuration, problems, help, man or completion.SHELL")->required();
        made->group("");
    }

    CLI::App app_;
    CommandLine line_;
    Action action_;
};

bool is_shown(const CLI::App* app) { return !app->get_group().empty(); }

void append_help(std::string& out, const CLI::App& app, const std::string& path)
{
    fmt::format_to(std::back_inserter(out), "==== {} --help\n\n{}\n", path, app.help(path));
    for (const CLI::App* sub : app.get_subcommands(is_shown))
        append_help(out, *sub, path + " " + sub->get_name());
}

CommandModel model_of(const CLI::App& app, const std::string& path)
{
    CommandModel model{path, app.get_description(), app.get_footer(), {}, {}, {}};
    for (const CLI::Option* option : app.get_options()) {
        bool flag = option->get_items_expected_max() == 0;
        CommandOption made;
        made.help = option->get_description();
        made.required = option->get_required();
        made.value = flag ? "" : option->get_option_text();
        if (!option->get_snames().empty())
            made.short_name = "-" + option->get_snames().front();
        if (!option->get_lnames().empty())
            made.long_name = "--" + option->get_lnames().front();
        if (made.long_name != "--help")
            (option->get_positional() ? model.places : model.options).push_back(std::move(made));
    }
    for (const CLI::App* sub : app.get_subcommands(is_shown))
        model.commands.push_back(model_of(*sub, path + " " + sub->get_name()));
    return model;
}

}  // namespace

CommandModel command_model() { return model_of(Parser().app(), "gatehouse"); }

int run_command_line(int argc, const char* const* argv)
{
    Parser parser;
    try {
        parser.app().parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return parser.app().exit(error) == 0 ? 0 : 2;
    }
    return parser.run();
}

std::string help_of_everything()
{
    Parser parser;
    std::string out;
    append_help(out, parser.app(), "gatehouse");
    return out;
}

Sources sources_of(const CommandLine& line)
{
    Sources sources;
    const char* variable = std::getenv("GATEHOUSE_CONFIG");
    if (line.config)
        sources.file = *line.config;
    else if (variable && *variable != '\0')
        sources.file = variable;
    sources.environment = gatehouse_environment();
    sources.flags = line.flags;
    return sources;
}

std::optional<LoadedConfig> load_or_explain(const CommandLine& line)
{
    auto loaded = load_config(sources_of(line));
    if (loaded)
        return *loaded;
    for (const std::string& error : loaded.error())
        fmt::print(stderr, "{}\n", error);
    return std::nullopt;
}

}  // namespace gatehouse::app
