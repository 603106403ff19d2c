// SPDX-License-Identifier: Apache-2.0
// write_files URL SIZE...: stores a file of each size and prints, for each, "<file id> <sha256> <seconds>".
#include "files/file_store.hpp"

#include "base/id.hpp"
#include "support/content.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

using namespace gatehouse;

// Pieces as an HTTP connection brings them.
constexpr std::size_t piece_bytes = 64 * 1024;

Task<void> write_file(files::FileStore& store, std::string content)
{
    files::File file;
    file.id = make_id();
    file.owner = "bench";
    file.name = "bench.bin";
    file.type = "application/octet-stream";
    file.created_at = Clock().now();
    auto begin = std::chrono::steady_clock::now();
    auto writer = co_await store.create(file.id);
    for (std::size_t at = 0; at < content.size(); at += piece_bytes)
        co_await writer->write(std::string_view(content).substr(at, piece_bytes));
    bool visible = co_await writer->commit(file, std::nullopt);
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (!visible)
        throw std::runtime_error("the file is not visible");
    std::printf("%s %s %.6f\n", file.id.c_str(), file.sha256.c_str(), took.count());
}

}  // namespace

int main(int count, char** arguments)
{
    if (count < 3) {
        std::fputs("write_files URL SIZE...\n", stderr);
        return 2;
    }
    try {
        auto store = files::make_mongo_file_store(arguments[1]);
        for (int i = 2; i < count; ++i) {
            asio::io_context context;
            auto content = testing::make_content(std::strtoull(arguments[i], nullptr, 10));
            auto rethrow = [](const std::exception_ptr& error) {
                if (error)
                    std::rethrow_exception(error);
            };
            asio::co_spawn(context, write_file(*store, std::move(content)), rethrow);
            context.run();
        }
        store->stop();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "write_files: %s\n", e.what());
        return 1;
    }
    return 0;
}
