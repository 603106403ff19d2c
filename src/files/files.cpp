// SPDX-License-Identifier: Apache-2.0
#include "files/files.hpp"

#include "base/id.hpp"
#include "files/handlers.hpp"
#include "http/problem.hpp"

#include <utility>

namespace gatehouse::files {

Context::Context(Config given, Files::Needs needs, std::string url)
    : config(std::move(given)), public_url(std::move(url)), store(needs.store), authenticators(needs.authenticators),
      clock(needs.clock), links(needs.service_key),
      events(store, clock, needs.metrics, {config.event_streams_max, config.event_streams_per_user}),
      quota(store, config),
      uploads(needs.metrics.counter("gatehouse_files_uploads_total", "Files uploaded and visible")),
      uploaded_bytes(needs.metrics.counter("gatehouse_files_uploaded_bytes_total", "Bytes of the files uploaded"))
{
    if (public_url.ends_with('/'))
        public_url.pop_back();
}

std::shared_ptr<const identity::Claims> require(Context& context, const http::Request& request,
                                                std::string_view permission)
{
    return context.authenticators.local().require(request, permission);
}

Task<File> get_file(Context& context, const identity::Claims& caller, std::string id, std::string_view any_permission)
{
    std::optional<File> file;
    if (is_id(id))
        file = co_await context.store.find(std::move(id));
    if (!file || (file->owner != caller.subject && !caller.may(any_permission)))
        throw http::Problem::not_found("file_not_found", "There is no such file.");
    co_return std::move(*file);
}

class Files::Impl final {
public:
    Impl(Config config, Needs needs, std::string public_url)
        : context_(std::move(config), needs, std::move(public_url)), router_(routes())
    {
    }

    const http::Router& router() const { return router_; }
    FileEvents& events() { return context_.events; }

private:
    using Endpoint = Task<http::Response> (*)(http::Request&, Context&);

    http::Handler on(Endpoint endpoint)
    {
        return [this, endpoint](http::Request& request) { return endpoint(request, context_); };
    }

    std::vector<http::Route> routes()
    {
        return {
            {"POST", "/upload", on(upload)},
            {"POST", "/uploads", on(tus_create)},
            {"OPTIONS", "/uploads", on(tus_options)},
            {"POST", "/uploads/", on(tus_create)},
            {"OPTIONS", "/uploads/", on(tus_options)},
            {"HEAD", "/uploads/{id}", on(tus_head)},
            {"PATCH", "/uploads/{id}", on(tus_append)},
            {"DELETE", "/uploads/{id}", on(tus_terminate)},
            {"OPTIONS", "/uploads/{id}", on(tus_options)},
            {"GET", "/files", on(list_files)},
            {"GET", "/files/usage", on(show_usage)},
            {"GET", "/admin/usage", on(show_usage_of_users)},
            {"GET", "/files/{id}", on(show_file)},
            {"DELETE", "/files/{id}", on(delete_file)},
            {"POST", "/files/{id}/restore", on(restore_file)},
            {"GET", "/files/{id}/content", on(download)},
            {"POST", "/files/{id}/links", on(make_link)},
            {"DELETE", "/files/{id}/links", on(end_links)},
            {"GET", "/download", on(download_by_fid)},
            {"GET", "/events", on(follow_events)},
        };
    }

    Context context_;
    http::Router router_;
};

Files::Files(Config config, Needs needs, std::string public_url)
    : impl_(std::make_unique<Impl>(std::move(config), needs, std::move(public_url)))
{
}
Files::~Files() = default;

const http::Router& Files::router() const { return impl_->router(); }
Task<void> Files::follow_changes() { return impl_->events().run(); }
void Files::stop_waiting() { impl_->events().stop(); }

}  // namespace gatehouse::files
