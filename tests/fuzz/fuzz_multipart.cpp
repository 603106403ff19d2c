// SPDX-License-Identifier: Apache-2.0
// Forms with the boundary "B": what arrives in pieces is read like the whole, and a part made of the input is read
// back.
#include "http/multipart.hpp"
#include "http/problem.hpp"

#include "base/error.hpp"
#include "pieces.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <string>

using namespace gatehouse;
using namespace gatehouse::http;

namespace {

class Pieces final : public BodyReader {
public:
    Pieces(std::string_view text, bool cut) : text_(text), sizes_(text), cut_(cut) {}
    Task<std::string_view> read() override
    {
        piece_ = std::string(text_.substr(0, cut_ ? sizes_.next() : text_.size()));
        piece_.shrink_to_fit();
        text_.remove_prefix(piece_.size());
        co_return piece_;
    }
    std::optional<std::uint64_t> length() const override { return std::nullopt; }

private:
    std::string_view text_;
    fuzz::PieceSizes sizes_;
    bool cut_;
    std::string piece_;
};

Task<std::string> read_form(BodyReader& body)
{
    MultipartReader reader(body, "B");
    std::string text;
    try {
        while (true) {
            auto part = co_await reader.next_part();
            if (!part)
                co_return text;
            text += '{' + part->name + '|' + part->filename.value_or("") + '|' + part->content_type + '}';
            while (true) {
                auto piece = co_await reader.read();
                if (piece.empty())
                    break;
                text += piece;
            }
        }
    } catch (const Problem& problem) {
        GH_ASSERT(problem.code() == "bad_multipart");
    }
    // How much of a broken body was given out before depends on how it arrived.
    co_return "bad";
}

std::string run(std::string_view input, bool cut)
{
    Pieces body(input, cut);
    std::string result;
    asio::io_context context;
    asio::co_spawn(context, read_form(body), [&](std::exception_ptr error, std::string text) {
        GH_ASSERT(!error);
        result = std::move(text);
    });
    context.run();
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    auto input = fuzz::to_text(data, size);
    GH_ASSERT(run(input, false) == run(input, true));
    if (input.find("\r\n--B") == std::string_view::npos && !input.starts_with("--B")) {
        std::string form = "--B\r\ncontent-disposition: form-data; name=n\r\n\r\n" + std::string(input) + "\r\n--B--";
        GH_ASSERT(run(form, true) == "{n||}" + std::string(input));
    }
    (void)find_multipart_boundary(input);
    return 0;
}
