// SPDX-License-Identifier: Apache-2.0
#include "app/config_check.hpp"
#include "app/config_load.hpp"
#include "app/config_print.hpp"
#include "app/values.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace gatehouse::app {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
protected:
    std::filesystem::path write(const std::string& text, const std::string& name = "gatehouse.yaml")
    {
        auto path = directory_.path() / name;
        std::ofstream(path) << text;
        return path;
    }

    Result<LoadedConfig, std::vector<std::string>> load(const std::string& text, Sources sources = {})
    {
        sources.file = write(text);
        return load_config(sources);
    }

    // The errors of a file, without the directory in front of its name.
    std::vector<std::string> errors_of(const std::string& text, Sources sources = {})
    {
        auto loaded = load(text, std::move(sources));
        std::vector<std::string> errors = loaded ? std::vector<std::string>{} : loaded.error();
        std::string prefix = directory_.path().string() + "/";
        for (std::string& error : errors) {
            if (error.starts_with(prefix))
                error.erase(0, prefix.size());
        }
        return errors;
    }

    testing::TempDir directory_;
};

TEST_F(ConfigTest, NothingAtAllIsAGoodConfiguration)
{
    auto loaded = load_config({});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->config.gateway.listen, "127.0.0.1:8080");
    EXPECT_EQ(loaded->config.worker.processors.size(), 2U);
    EXPECT_TRUE(load(""));
    EXPECT_TRUE(load("# all comments\nauth:\n  # store: sqlite:auth.db\n"));
}

TEST_F(ConfigTest, ReadsEveryKindOfValue)
{
    auto loaded = load(R"(
data: /var/lib/gatehouse
log: {format: json, level: debug}
io:
  threads: 3
gateway:
  access_log: false
  drain: 1m30s
  routes:
    - path: /orders
      methods: [GET, POST]
      upstreams: ["http://orders-1:8000", http://orders-2:8000/api]
      permission: orders:read
      strip_prefix: true
    - {path: /open, upstreams: ["http://open:1"], authentication: none}
auth:
  access_token_ttl: 15m
files:
  upload_bytes_max: 1GiB
notifier:
  smtp: {url: "smtp://mail:25", username: me, password: "p: #'"}
worker:
  processors: []
events:
  attempts_max: 7
)");
    ASSERT_TRUE(loaded) << loaded.error().front();
    const Config& config = loaded->config;
    EXPECT_EQ(config.data, "/var/lib/gatehouse");
    EXPECT_EQ(config.log.format, LogFormat::json);
    EXPECT_EQ(config.log.level, log::Level::debug);
    EXPECT_EQ(config.io.threads, 3U);
    EXPECT_FALSE(config.gateway.access_log);
    EXPECT_EQ(config.gateway.drain, seconds{90});
    ASSERT_EQ(config.gateway.routes.size(), 2U);
    EXPECT_THAT(config.gateway.routes[0].methods, ElementsAre("GET", "POST"));
    EXPECT_EQ(config.gateway.routes[0].upstreams[1], "http://orders-2:8000/api");
    EXPECT_TRUE(config.gateway.routes[0].strip_prefix);
    EXPECT_EQ(config.gateway.routes[1].authentication, gateway::Authentication::none);
    EXPECT_EQ(config.auth.access_token_ttl, minutes{15});
    EXPECT_EQ(config.files.upload_bytes_max, 1ULL << 30U);
    EXPECT_EQ(config.notifier.smtp.password.reveal(), "p: #'");
    EXPECT_TRUE(config.worker.processors.empty());
    EXPECT_EQ(config.worker.attempts_max, 7) << "the worker knows the queue's limit";
}

TEST_F(ConfigTest, TellsEveryErrorAtOnceWithItsPlace)
{
    EXPECT_THAT(errors_of("auth:\n  stor: sqlite:x\n  hash_threads: lots\nlog:\n  level: loud\nfoo: 1\n"),
                ElementsAre("gatehouse.yaml:2:3: auth.stor: unknown key; did you mean `store`?",
                            "gatehouse.yaml:3:17: auth.hash_threads: must be a whole number, not `lots`",
                            "gatehouse.yaml:5:10: log.level: must be one of debug, info, warn, error, not `loud`",
                            "gatehouse.yaml:6:1: foo: unknown key; known here: auth, data, events, files, gateway, io, "
                            "log, notifier, ops, roles, service_key, tracing, worker"));
}

struct BadFile {
    std::string name;
    std::string text;
    std::string error;  // what one of the errors says
};

void PrintTo(const BadFile& file, std::ostream* out) { *out << file.name; }

class BadConfigFile : public ConfigTest, public ::testing::WithParamInterface<BadFile> {};

TEST_P(BadConfigFile, IsRefused)
{
    auto errors = errors_of(GetParam().text);
    EXPECT_THAT(errors, ElementsAre(GetParam().error));
}

std::string route(const std::string& lines) { return "gateway:\n  routes:\n    - " + lines + "\n"; }

INSTANTIATE_TEST_SUITE_P(
    Syntax, BadConfigFile,
    ::testing::Values(
        BadFile{"NotYaml", "auth: [", "gatehouse.yaml:1:1: not valid YAML: end of sequence flow not found"},
        BadFile{"TabIndent", "auth:\n\tstore: x\n", "gatehouse.yaml:2:7: not valid YAML: illegal map value"},
        BadFile{"List", "- auth\n", "gatehouse.yaml: must be a map of `section:` and `key: value` lines"},
        BadFile{"Anchor", "data: &a x\n", "gatehouse.yaml:1:7: anchors and aliases are not supported"},
        BadFile{"Tag", "data: !!str x\n", "gatehouse.yaml:1:7: the tag tag:yaml.org,2002:str is not supported"},
        BadFile{"TwoDocuments", "data: x\n---\ndata: y\n", "gatehouse.yaml:1:1: holds more than one document"},
        BadFile{"KeyIsAList", "[a, b]: x\n", "gatehouse.yaml:1:1: a key must be a word"},
        BadFile{"TooDeep", "data: " + std::string(40, '[') + std::string(40, ']') + "\n",
                "gatehouse.yaml:1:22: nested too deeply"},
        BadFile{"Duplicate", "data: x\nlog:\n  level: info\ndata: y\n", "gatehouse.yaml:4:1: data: stands here twice"},
        BadFile{"DuplicateSection", "log:\n  level: info\nlog:\n  format: json\n",
                "gatehouse.yaml:3:1: log: stands here twice"},
        BadFile{"SectionIsText", "log: info\n",
                "gatehouse.yaml:1:6: log: is a section: `key: value` lines, further in, go below it"},
        BadFile{"TextIsMap", "data: {a: b}\n", "gatehouse.yaml:1:7: data: must be text, not a map"},
        BadFile{"NoValue", "data:\n", "gatehouse.yaml:1:1: data: has no value"},
        BadFile{"QuotedNumber", "io:\n  threads: \"2\"\n",
                "gatehouse.yaml:2:12: io.threads: must be a whole number, without quotes"},
        BadFile{"QuotedBool", "gateway:\n  access_log: 'true'\n",
                "gatehouse.yaml:2:15: gateway.access_log: must be true or false, without quotes"},
        BadFile{"RatioAboveOne", "gateway:\n  access_log_sample_ratio: 1.5\n",
                "gatehouse.yaml:2:28: gateway.access_log_sample_ratio: must be a number from 0 to 1 such as 0.05, not "
                "`1.5`"},
        BadFile{"RatioInPercent", "gateway:\n  access_log_sample_ratio: 5%\n",
                "gatehouse.yaml:2:28: gateway.access_log_sample_ratio: must be a number from 0 to 1 such as 0.05, not "
                "`5%`"},
        BadFile{"NorwegianBool", "gateway:\n  access_log: no\n",
                "gatehouse.yaml:2:15: gateway.access_log: must be true or false, not `no`"},
        BadFile{"NumberTooLarge", "io:\n  threads: 1000\n",
                "gatehouse.yaml:2:12: io.threads: must be between 0 and 256"},
        BadFile{"NegativeNumber", "io:\n  threads: -1\n",
                "gatehouse.yaml:2:12: io.threads: must be a whole number, not `-1`"},
        BadFile{"DurationWithoutUnit", "gateway:\n  drain: 10\n",
                "gatehouse.yaml:2:10: gateway.drain: must be a duration such as 250ms, 10s or 1m, not `10`"},
        BadFile{"HalfSeconds", "auth:\n  access_token_ttl: 1500ms\n",
                "gatehouse.yaml:2:21: auth.access_token_ttl: must be a duration of whole seconds such as 90s, 10m or "
                "14d, not "
                "`1500ms`"},
        BadFile{"DurationTooShort", "auth:\n  access_token_ttl: 0\n",
                "gatehouse.yaml:2:21: auth.access_token_ttl: must be at least 1s"},
        BadFile{"SizeWithWrongUnit", "files:\n  upload_bytes_max: 5G\n",
                "gatehouse.yaml:2:21: files.upload_bytes_max: must be a size such as 512KiB or 16GiB, not `5G`"},
        BadFile{"ListIsText", "roles: all\n", "gatehouse.yaml:1:8: roles: must be a list: [one, two]"},
        BadFile{"ListOfLists", "roles: [[all]]\n", "gatehouse.yaml:1:9: roles[0]: must be text, not a list"},
        BadFile{"RoutesAreAMap", "gateway:\n  routes:\n    path: /x\n",
                "gatehouse.yaml:3:5: gateway.routes: must be a list of maps, each beginning with `- `"},
        BadFile{"RouteIsText", route("/orders"),
                "gatehouse.yaml:3:7: gateway.routes[0]: must be a map of `key: value` lines"}),
    [](const auto& param_info) { return param_info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Routes, BadConfigFile,
    ::testing::Values(
        BadFile{"PathMissing", route("{upstreams: ['http://a:1']}"),
                "gatehouse.yaml:3:7: gateway.routes[0].path: is missing"},
        BadFile{"UpstreamsMissing", route("{path: /a}"),
                "gatehouse.yaml:3:7: gateway.routes[0].upstreams: must name at least one upstream"},
        BadFile{
            "UpstreamsOfAnotherProxy", route("{path: /files, forward_auth: true, upstreams: ['http://a:1']}"),
            "gatehouse.yaml:3:53: gateway.routes[0].upstreams: must be empty with forward_auth: the proxy that asks "
            "serves this path"},
        BadFile{
            "UnknownKey", route("{path: /a, upstreams: ['http://a:1'], kind: none}"),
            "gatehouse.yaml:3:45: gateway.routes[0].kind: unknown key; known here: authentication, body_bytes_max, "
            "compression, cors, forward_auth, headers, hosts, maintenance, match, methods, path, permission, "
            "preserve_host, rate_limit, request_headers, response_headers, revocation_stale, rewrite, strip_prefix, "
            "upgrade, upstream, upstreams"},
        BadFile{
            "UpgradeOverHttp2",
            "gateway:\n  upstreams:\n    - {name: g, protocol: http2, endpoints: [{url: 'http://a:1'}]}\n  routes:\n"
            "    - {path: /a, upstream: g, upgrade: [websocket]}\n",
            "gatehouse.yaml:5:40: gateway.routes[0].upgrade: must be empty: `g` speaks HTTP/2, which has no such "
            "change"},
        BadFile{"NoSlash", route("{path: a, upstreams: ['http://a:1']}"),
                "gatehouse.yaml:3:14: gateway.routes[0].path: must begin with /"},
        BadFile{
            "SlashAtTheEnd", route("{path: /a/, upstreams: ['http://a:1']}"),
            "gatehouse.yaml:3:14: gateway.routes[0].path: must not end with /: it stands for everything below anyway"},
        BadFile{"Root", route("{path: /, upstreams: ['http://a:1']}"),
                "gatehouse.yaml:3:14: gateway.routes[0].path: would take everything: the console lives there"},
        BadFile{"DotDot", route("{path: /a/../b, upstreams: ['http://a:1']}"),
                "gatehouse.yaml:3:14: gateway.routes[0].path: holds an empty segment, . or .."},
        BadFile{
            "Query", route("{path: '/a?b', upstreams: ['http://a:1']}"),
            "gatehouse.yaml:3:14: gateway.routes[0].path: holds `?`: a path is letters, digits and /-._~!$&'()*+,=:@"},
        BadFile{"ShadowsLogin", route("{path: /login, upstreams: ['http://a:1']}"),
                "gatehouse.yaml:3:14: gateway.routes[0].path: would shadow /login, which is Gatehouse's own"},
        BadFile{"ShadowsFiles", route("{path: /files/mine, upstreams: ['http://a:1']}"),
                "gatehouse.yaml:3:14: gateway.routes[0].path: would shadow /files, which is Gatehouse's own"},
        BadFile{"NoUpstream", route("{path: /a, upstreams: []}"),
                "gatehouse.yaml:3:29: gateway.routes[0].upstreams: must name at least one upstream"},
        BadFile{"UpstreamIsNoUrl", route("{path: /a, upstreams: ['http://a:1', 'a:1']}"),
                "gatehouse.yaml:3:29: gateway.routes[0].upstreams[1]: must be http://host:port or https://host:port, "
                "not `a:1`"},
        BadFile{"TlsForNothing",
                "gateway:\n  upstreams:\n    - {name: a, endpoints: [{url: 'http://a:1'}], tls: {server_name: b}}\n",
                "gatehouse.yaml:3:7: gateway.upstreams[0].tls: is set, but no URL that it could be for begins with "
                "https://"},
        BadFile{"TlsKeyAlone",
                "gateway:\n  upstreams:\n    - {name: a, endpoints: [{url: 'https://a:1'}], tls: {key: b}}\n",
                "gatehouse.yaml:3:7: gateway.upstreams[0].tls.certificate: must be set, because tls.key is"},
        BadFile{"TlsAuthoritiesMissing", "tracing: {endpoint: 'https://a', tls: {authorities: /nowhere.pem}}\n",
                "gatehouse.yaml:1:53: tracing.tls.authorities: the authorities file /nowhere.pem does not exist"},
        BadFile{
            "TlsNameWithPort", "tracing: {endpoint: 'https://a', tls: {server_name: 'a:443'}}\n",
            "gatehouse.yaml:1:53: tracing.tls.server_name: must be the name of a host or an address, without a port, "
            "not `a:443`"},
        BadFile{"LowerCaseMethod", route("{path: /a, upstreams: ['http://a:1'], methods: [get]}"),
                "gatehouse.yaml:3:54: gateway.routes[0].methods: `get` is no method: GET, POST, ..."},
        BadFile{
            "BadPermission", route("{path: /a, upstreams: ['http://a:1'], permission: 'Orders Read'}"),
            "gatehouse.yaml:3:57: gateway.routes[0].permission: `Orders Read` is no permission: name:action, such as "
            "orders:read"},
        BadFile{"PermissionForNobody",
                route("{path: /a, upstreams: ['http://a:1'], permission: 'a:b', authentication: none}"),
                "gatehouse.yaml:3:57: gateway.routes[0].permission: needs authentication: required"},
        BadFile{
            "ParameterFirst", route("{path: '/{tenant}/a', upstreams: ['http://a:1']}"),
            "gatehouse.yaml:3:14: gateway.routes[0].path: begins with {tenant}, which Gatehouse's own paths fit too: "
            "name `hosts` that are not Gatehouse's"},
        BadFile{
            "HalfAParameter", route("{path: '/a/x{id}', upstreams: ['http://a:1']}"),
            "gatehouse.yaml:3:14: gateway.routes[0].path: holds `x{id}`: a parameter is a whole segment such as {id}, "
            "of small letters, digits and _"},
        BadFile{"ParameterTwice", route("{path: '/a/{id}/{id}', upstreams: ['http://a:1']}"),
                "gatehouse.yaml:3:14: gateway.routes[0].path: names {id} twice"},
        BadFile{"EverythingOfGatehousesHost", route("{path: /, upstreams: ['http://a:1'], hosts: [localhost]}"),
                "gatehouse.yaml:3:14: gateway.routes[0].path: would take everything: the console lives there"},
        BadFile{"LoginOfAWildcardThatIsGatehousesToo",
                route("{path: /login, upstreams: ['http://a:1'], hosts: ['*.example.com']}") +
                    "  public_url: https://gate.example.com\n",
                "gatehouse.yaml:3:14: gateway.routes[0].path: would shadow /login, which is Gatehouse's own"},
        BadFile{"ForwardAuthUnderAnotherHost", route("{path: /validate, upstreams: ['http://a:1'], hosts: [a.test]}"),
                "gatehouse.yaml:3:14: gateway.routes[0].path: would shadow /validate, which is Gatehouse's own under "
                "every host"},
        BadFile{"HostWithPort", route("{path: /a, upstreams: ['http://a:1'], hosts: ['a.test:80']}"),
                "gatehouse.yaml:3:52: gateway.routes[0].hosts[0]: must be a host such as shop.example.com or "
                "*.example.com, without a port, not `a.test:80`"},
        BadFile{"HostTwice", route("{path: /a, upstreams: ['http://a:1'], hosts: [a.test, A.Test]}"),
                "gatehouse.yaml:3:52: gateway.routes[0].hosts[1]: stands here twice"},
        BadFile{"RouteByIdentity", route("{path: /a, upstreams: ['http://a:1'], headers: ['X-User-Roles=admin']}"),
                "gatehouse.yaml:3:54: gateway.routes[0].headers[0]: x-user-roles decides about more than the route"},
        BadFile{
            "Http2WithTls",
            "gateway:\n  upstreams:\n    - {name: a, protocol: http2, endpoints: [{url: 'https://a:1'}]}\n",
            "gatehouse.yaml:3:52: gateway.upstreams[0].endpoints[0].url: must be http://host:port: HTTP/2 is spoken "
            "with services without TLS alone"},
        BadFile{"RewriteOfAnUnknownParameter",
                route("{path: '/a/{id}', upstreams: ['http://a:1'], rewrite: '/b/{name}'}"),
                "gatehouse.yaml:3:61: gateway.routes[0].rewrite: names {name}, which is not in the path"},
        BadFile{"RewriteAndStrip", route("{path: /a, upstreams: ['http://a:1'], strip_prefix: true, rewrite: /b}"),
                "gatehouse.yaml:3:74: gateway.routes[0].rewrite: and strip_prefix are two ways to say what the service "
                "sees: one of them"},
        BadFile{"TwiceByParameter",
                route("{path: '/a/{x}', upstreams: ['http://a:1']}\n    - {path: '/a/{y}', upstreams: ['http://b:1']}"),
                "gatehouse.yaml:4:7: gateway.routes[1]: takes what gateway.routes[0] takes already"},
        BadFile{"Twice",
                route("{path: /a, upstreams: ['http://a:1'], methods: [GET, PUT]}\n    - {path: /a, upstreams: "
                      "['http://b:1'], methods: [GET]}"),
                "gatehouse.yaml:4:7: gateway.routes[1]: takes what gateway.routes[0] takes already"}),
    [](const auto& param_info) { return param_info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Meaning, BadConfigFile,
    ::testing::Values(
        BadFile{"NoRole", "roles: []\n", "gatehouse.yaml:1:8: roles: names no role"},
        BadFile{
            "UnknownRole", "roles: [all, cook]\n",
            "gatehouse.yaml:1:8: roles: `cook` is no role; roles are gateway, auth, files, worker, notifier and all"},
        BadFile{"WorkerWithoutFiles", "roles: [worker]\nevents: {store: 'amqp://mq'}\n",
                "roles: worker needs files in the same process, or a files.store and an events.store that both can "
                "reach: mongodb://..., amqp://..."},
        BadFile{"GatewayWithoutAuth",
                "roles: [gateway]\nfiles: {urls: ['http://files:1']}\ngateway: {public_url: 'https://gate.example'}\n",
                "roles: gateway needs auth: run it in the same process, or say in auth.urls where it listens"},
        BadFile{"GatewayWithoutFiles",
                "roles: [gateway, auth]\nservice_key: '01234567890123456789012345678901'\ngateway: {public_url: "
                "'https://gate.example'}\n",
                "roles: gateway needs files: run it in the same process, or say in files.urls where it listens"},
        BadFile{"NotifierWithoutAuth",
                "roles: [notifier]\nevents: {store: 'amqp://mq'}\nservice_key: "
                "'01234567890123456789012345678901'\ngateway: {public_url: 'https://gate.example'}\n",
                "roles: notifier needs auth: run it in the same process, or say in auth.urls where it listens"},
        BadFile{"QueueOfOneProcess",
                "roles: [auth]\nauth: {store: 'mysql://me@db/gatehouse', encryption_key: "
                "'01234567890123456789012345678901'}\nservice_key: '01234567890123456789012345678901'\ngateway: "
                "{public_url: 'https://gate.example'}\n",
                "events.store: lies in this process alone, but roles of other processes need it: amqp://..."},
        BadFile{"NoPublicUrl", "roles: [auth, files]\nservice_key: '01234567890123456789012345678901'\n",
                "gateway.public_url: must be set, and the same, in processes that run some of the roles: it is the "
                "issuer of tokens and where links in mails lead"},
        BadFile{"NoServiceKey",
                "roles: [auth]\nevents: {store: 'amqp://mq'}\ngateway: {public_url: 'https://gate.example'}\n",
                "service_key: must be set, and the same, in processes that run some of the roles"},
        BadFile{"NoServiceKeyAtTheGateway",
                "roles: [gateway]\nauth: {urls: ['http://auth:1']}\nfiles: {urls: ['http://files:1']}\n"
                "gateway: {public_url: 'https://gate.example'}\n",
                "service_key: must be set, and the same, in processes that run some of the roles"},
        BadFile{"NoEncryptionKeyForAServersStore", "auth: {store: 'mysql://me@db/gatehouse'}\n",
                "auth.encryption_key: must be set, and the same, in every process that uses an auth.store on a server"},
        BadFile{"ShortEncryptionKey", "auth: {encryption_key: too short}\n",
                "gatehouse.yaml:1:24: auth.encryption_key: must have at least 32 characters"},
        BadFile{"IssuerOverPlainHttp",
                "gateway:\n  issuers:\n    - {name: corp, issuer: 'http://login.example', audience: gatehouse}\n",
                "gatehouse.yaml:3:28: gateway.issuers[0].issuer: must be https://, or http:// to this host"},
        BadFile{"IssuerTwice",
                "gateway:\n  issuers:\n    - {name: a, issuer: 'https://x.example', audience: g}\n"
                "    - {name: b, issuer: 'https://x.example', audience: g}\n",
                "gatehouse.yaml:4:7: gateway.issuers[1]: has the issuer or the name of gateway.issuers[0]"},
        BadFile{"KeysThatSignBeforeTheyAreKnown", "auth: {key_publish_ahead: 62s}\n",
                "gatehouse.yaml:1:27: auth.key_publish_ahead: must be at least 3s longer than auth.key_fetch_interval: "
                "a key that signs before every process has fetched it makes tokens that are refused"},
        BadFile{"MoreKeysThanVerifiersTake", "auth: {key_rotation_interval: 5s}\n",
                "gatehouse.yaml:1:31: auth.key_rotation_interval: must be 0 or at least 13s, or more than 60 keys are "
                "published at once"},
        BadFile{"ShortServiceKey", "service_key: too short\n",
                "gatehouse.yaml:1:14: service_key: must have at least 32 characters"},
        BadFile{"UrlOfNoService", "auth:\n  urls: ['http://auth:8081', 'ftp://auth']\n",
                "gatehouse.yaml:2:9: auth.urls[1]: must be http://host:port, not `ftp://auth`"},
        BadFile{
            "ListenWithoutPort", "gateway:\n  listen: 127.0.0.1\n",
            "gatehouse.yaml:2:11: gateway.listen: must be ADDR:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080, not "
            "`127.0.0.1`"},
        BadFile{"ListenOnAName", "ops:\n  listen: example.org:80\n",
                "gatehouse.yaml:2:11: ops.listen: must be ADDR:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080, not "
                "`example.org:80`"},
        BadFile{"SameAddressTwice", "gateway:\n  listen: :9000\nops:\n  listen: 0.0.0.0:9000\n",
                "gatehouse.yaml:4:11: ops.listen: is the gateway's address too"},
        BadFile{"PublicUrlWithPath", "gateway:\n  public_url: https://example.org/app\n",
                "gatehouse.yaml:2:15: gateway.public_url: must be http:// or https:// and a host, with a port if need "
                "be and "
                "nothing behind it"},
        BadFile{"MongoForUsers", "auth:\n  store: mongodb://root:hunter2@db/auth\n",
                "gatehouse.yaml:2:10: auth.store: must be sqlite:FILE or mysql://..."},
        BadFile{"MySqlForFiles", "files:\n  store: mysql://db/files\n",
                "gatehouse.yaml:2:10: files.store: must be local:DIRECTORY or mongodb://..."},
        BadFile{"RabbitMqWithoutHost", "events:\n  store: 'amqps://'\n",
                "gatehouse.yaml:2:10: events.store: must be amqps://host: the host is missing"},
        BadFile{"UnknownStore", "auth:\n  store: auth.db\n",
                "gatehouse.yaml:2:10: auth.store: must be sqlite:FILE or mysql://..."},
        BadFile{"StoreClimbs", "auth:\n  store: sqlite:../auth.db\n",
                "gatehouse.yaml:2:10: auth.store: must not climb with .."},
        BadFile{"StoreShared", "auth:\n  store: sqlite:queue.db\n",
                "events.store: is the file of auth.store too: each needs one of its own"},
        BadFile{"UnknownBuiltin",
                "worker:\n  processors:\n    - {name: a, types: [image/png], command: ['builtin:x'], suffix: .a}\n",
                "gatehouse.yaml:3:46: worker.processors[0].command: there is no \"builtin:x\"; builtin:audio and "
                "builtin:thumbnail exist, and stand alone"},
        BadFile{"ProcessorTwice",
                "worker:\n  processors:\n    - {name: a, types: [image/png], command: ['builtin:audio'], suffix: .a}\n "
                "   - "
                "{name: a, types: [image/png], command: ['builtin:audio'], suffix: .a}\n",
                "gatehouse.yaml:4:14: worker.processors[1].name: \"a\" is there twice"},
        BadFile{
            "SuffixClimbs",
            "worker:\n  processors:\n    - {name: a, types: [image/png], command: ['builtin:audio'], suffix: ./../x}\n",
            "gatehouse.yaml:3:73: worker.processors[0].suffix: must be a suffix such as .mp3"},
        BadFile{"SmtpIsHttp", "notifier:\n  smtp:\n    url: http://mail\n",
                "gatehouse.yaml:3:10: notifier.smtp.url: must be smtp://host:port or smtps://host:port"},
        BadFile{"PasswordWithoutUser", "notifier:\n  smtp: {url: 'smtp://m', password: x}\n",
                "gatehouse.yaml:2:37: notifier.smtp.password: is set, but notifier.smtp.username is not"},
        BadFile{"LineBreakInSender", "notifier:\n  from: \"a@b\\r\\nBcc: c@d\"\n",
                "gatehouse.yaml:2:9: notifier.from: holds a control character"},
        BadFile{"TokensOutliveSessions", "auth:\n  access_token_ttl: 20d\n",
                "gatehouse.yaml:2:21: auth.access_token_ttl: must not outlive auth.refresh_token_ttl"},
        BadFile{"UploadLargerThanBody", "gateway:\n  body_bytes_max: 1MiB\n",
                "files.upload_bytes_max: must not be larger than gateway.body_bytes_max, which ends the upload first"}),
    [](const auto& param_info) { return param_info.param.name; });

TEST_F(ConfigTest, MissingFileIsAnError)
{
    Sources sources;
    sources.file = directory_.path() / "nowhere.yaml";
    auto loaded = load_config(sources);
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error(), ElementsAre(HasSubstr("nowhere.yaml: cannot be read: No such file or directory")));
}

TEST_F(ConfigTest, EnvironmentOverridesTheFileAndFlagsOverrideBoth)
{
    Sources sources;
    sources.environment = {{"GATEHOUSE_AUTH__STORE", "sqlite:env.db"},
                           {"GATEHOUSE_OPS__LISTEN", ":1"},
                           {"GATEHOUSE_ROLES", "gateway, auth,files"},
                           {"GATEHOUSE_IO__THREADS", "2"}};
    sources.flags.ops_listen = ":2";
    sources.flags.listen = ":3";
    auto loaded = load("auth: {store: 'sqlite:file.db'}\nio: {threads: 1}\nops: {listen: ':0'}\n", sources);
    ASSERT_TRUE(loaded) << loaded.error().front();
    EXPECT_EQ(loaded->config.auth.store, "sqlite:env.db");
    EXPECT_EQ(loaded->config.io.threads, 2U);
    EXPECT_EQ(loaded->config.ops.listen, ":2");
    EXPECT_EQ(loaded->config.gateway.listen, ":3");
    EXPECT_THAT(loaded->config.roles, ElementsAre("gateway", "auth", "files"));
    EXPECT_EQ(loaded->origins.at("auth.store"), "GATEHOUSE_AUTH__STORE");
    EXPECT_EQ(loaded->origins.at("ops.listen"), "--ops-listen");
}

TEST_F(ConfigTest, ListenFlagIsTheRolesOwnAddressWithoutAGateway)
{
    Sources sources;
    sources.flags.roles = {"auth", "files"};
    sources.flags.listen = ":3";
    sources.environment = {{"GATEHOUSE_GATEWAY__PUBLIC_URL", "https://gate.example"},
                           {"GATEHOUSE_SERVICE_KEY", "01234567890123456789012345678901"}};
    auto loaded = load_config(sources);
    ASSERT_TRUE(loaded) << loaded.error().front();
    EXPECT_EQ(loaded->config.auth.listen, ":3");
    EXPECT_EQ(loaded->config.gateway.listen, "127.0.0.1:8080");
}

TEST_F(ConfigTest, RoutesFromTheEnvironmentAreYaml)
{
    Sources sources;
    sources.environment = {{"GATEHOUSE_GATEWAY__ROUTES", "[{path: /a, upstreams: ['http://a:1']}]"}};
    auto loaded = load("gateway:\n  routes:\n    - {path: /b, upstreams: ['http://b:1']}\n", sources);
    ASSERT_TRUE(loaded) << loaded.error().front();
    ASSERT_EQ(loaded->config.gateway.routes.size(), 1U);
    EXPECT_EQ(loaded->config.gateway.routes[0].path, "/a");
}

TEST_F(ConfigTest, SecretsComeFromFiles)
{
    auto path = write("hunter2\n", "password");
    Sources sources;
    sources.environment = {{"GATEHOUSE_NOTIFIER__SMTP__PASSWORD_FILE", path.string()},
                           {"GATEHOUSE_NOTIFIER__SMTP__USERNAME", "me"},
                           {"GATEHOUSE_NOTIFIER__SMTP__URL", "smtp://mail"}};
    auto loaded = load_config(sources);
    ASSERT_TRUE(loaded) << loaded.error().front();
    EXPECT_EQ(loaded->config.notifier.smtp.password.reveal(), "hunter2");
}

TEST_F(ConfigTest, EnvironmentErrorsNameTheVariable)
{
    Sources sources;
    sources.environment = {{"GATEHOUSE_AUTH__STOER", "x"},
                           {"GATEHOUSE_IO__THREADS", "x"},
                           {"GATEHOUSE_NOTIFIER__FROM", "a@b"},
                           {"GATEHOUSE_NOTIFIER__FROM_FILE", "/x"},
                           {"GATEHOUSE_PORT_8080_TCP", "set by Kubernetes"},
                           {"GATEHOUSE_TEST__EVENTS", "3"}};
    auto loaded = load_config(sources);
    ASSERT_FALSE(loaded);
    EXPECT_THAT(
        loaded.error(),
        ElementsAre("GATEHOUSE_AUTH__STOER: no setting has this name",
                    "GATEHOUSE_IO__THREADS: io.threads: must be a whole number, not `x`",
                    "GATEHOUSE_NOTIFIER__FROM: is set, and so is GATEHOUSE_NOTIFIER__FROM_FILE: which one counts?",
                    "GATEHOUSE_NOTIFIER__FROM_FILE: notifier.from: /x cannot be read: No such file or directory"));
}

TEST_F(ConfigTest, PrintedYamlReadsBackAsTheSame)
{
    auto loaded =
        load("data: 'a: b'\ngateway:\n  routes:\n    - {path: /a, upstreams: ['http://a:1'], methods: [GET]}\n"
             "notifier: {from: \"x <y@z>\"}\nlog: {level: warn}\n");
    ASSERT_TRUE(loaded) << loaded.error().front();
    auto again = load(config_to_yaml(loaded->config));
    ASSERT_TRUE(again) << again.error().front();
    EXPECT_EQ(config_to_json(again->config), config_to_json(loaded->config));
    EXPECT_EQ(again->config.data, "a: b");
}

TEST_F(ConfigTest, PrintedConfigurationHoldsNoSecret)
{
    Config config;
    config.notifier.smtp.password = Secret("hunter2");
    config.events.store = "amqps://me:hunter3@mq/x";
    for (const std::string& text : {config_to_yaml(config), json::serialize(config_to_json(config))}) {
        EXPECT_THAT(text, ::testing::Not(HasSubstr("hunter")));
        EXPECT_THAT(text, HasSubstr("[redacted]"));
        EXPECT_THAT(text, HasSubstr("amqps://me:[redacted]@mq/x"));
    }
}

TEST(Values, DurationsAndSizesAreReadAndWritten)
{
    EXPECT_EQ(parse_duration("1h30m"), minutes{90});
    EXPECT_EQ(parse_duration("250ms"), milliseconds{250});
    EXPECT_EQ(parse_duration("14d"), hours{14 * 24});
    EXPECT_EQ(parse_duration("0"), milliseconds{0});
    for (const char* bad : {"", "s", "1", "1 s", "-1s", "1s1", "99999999999999999999s", "9999d", "1.5h"})
        EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_size("16GiB"), 16ULL << 30U);
    EXPECT_EQ(parse_size("5MB"), 5'000'000U);
    EXPECT_EQ(parse_size("512"), 512U);
    for (const char* bad : {"", "B", "1 GiB", "99999999TiB", "1gib", "-1"})
        EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
    EXPECT_EQ(format_duration(minutes{10}), "10m");
    EXPECT_EQ(format_duration(milliseconds{1500}), "1500ms");
    EXPECT_EQ(format_size(16ULL << 30U), "16GiB");
    EXPECT_EQ(format_size(1001), "1001");
}

TEST(Permissions, HaveASyntax)
{
    for (const char* good : {"*", "orders:read", "admin:*", "a.b:c_d-e", "files"})
        EXPECT_TRUE(is_permission(good)) << good;
    for (const char* bad : {"", ":", "a:", ":a", "a:*:b", "A:b", "a b", "*:a"})
        EXPECT_FALSE(is_permission(bad)) << bad;
}

}  // namespace

}  // namespace gatehouse::app
