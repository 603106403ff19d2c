// SPDX-License-Identifier: Apache-2.0
#include "app/command_target.hpp"

#include "app/commands.hpp"
#include "app/control.hpp"
#include "app/run_task.hpp"
#include "app/secret_keys.hpp"
#include "app/store_url.hpp"
#include "app/stores.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>

namespace gatehouse::app {

// The stores themselves. `data` is the directory of those that are in one.
class CommandTarget::Here final {
public:
    Here(const Config& config, DataDirectory* data, const std::string& name)
        : config_(config),
          stores_(open_command_stores(config, name, data ? data->path() : std::filesystem::path(config.data), clock_))
    {
        if (!stores_.auth)
            return;
        secrets_ = find_secret_box(config, data);
        users_ = std::make_unique<auth::Commands>(*stores_.auth, *secrets_, clock_);
        users_->migrate();
    }
    ~Here()
    {
        pool_.stop();
        stores_.stop();
    }
    Here(const Here&) = delete;
    Here& operator=(const Here&) = delete;

    json::value run(const std::string& name, json::object arguments)
    {
        CommandContext context{users_.get(), stores_.queue.get(), config_.auth, pool_};
        asio::io_context io;
        return run_task(io, run_command(context, name, std::move(arguments)));
    }

private:
    const Config& config_;
    Clock clock_;
    Stores stores_;
    std::optional<auth::SecretBox> secrets_;
    std::unique_ptr<auth::Commands> users_;
    BlockingPool pool_{{.name = "commands"}};
};

CommandTarget::CommandTarget(const Config& config, const std::string& name)
{
    // A server's store can be used beside the processes that run; an embedded one belongs to whoever holds the data
    // directory.
    if (!is_embedded(command_store(config, name))) {
        here_ = std::make_unique<Here>(config, nullptr, name);
        return;
    }
    // Only adding users makes sense before the first start.
    if (name != "user.add" && name != "user.import" && !std::filesystem::exists(config.data))
        throw std::runtime_error(
            fmt::format("there is no data directory {}: nothing was started there yet", config.data));
    data_.emplace(config.data);
    if (data_->try_lock())
        here_ = std::make_unique<Here>(config, &*data_, name);
}

CommandTarget::~CommandTarget() = default;

json::value CommandTarget::run(const std::string& name, json::object arguments)
{
    if (here_)
        return here_->run(name, std::move(arguments));
    try {
        return call_control(data_->control_socket(), name, arguments);
    } catch (const Unavailable&) {
        auto holder = data_->lock_holder();
        throw std::runtime_error(fmt::format("{} works in {} but does not answer: it is starting, or stopping",
                                             holder ? fmt::format("process {}", *holder) : "another process",
                                             data_->path().string()));
    }
}

}  // namespace gatehouse::app
