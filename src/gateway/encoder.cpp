// SPDX-License-Identifier: Apache-2.0
#include "gateway/encoder.hpp"

#include "base/error.hpp"

#include <brotli/encode.h>
#include <zlib.h>

#include <atomic>
#include <new>

namespace gatehouse::gateway {

namespace {

// What costs little of a thread that others wait for.
constexpr int gzip_level = 4;
constexpr int gzip_window_bits = 15 + 16;  // + 16: with gzip's frame
constexpr int gzip_memory_level = 8;
constexpr std::uint32_t brotli_quality = 4;
constexpr std::uint32_t brotli_window_bits = 18;
constexpr std::size_t output_step = 16 * 1024;

std::atomic<std::size_t> encoders{0};

// One of the encoders that the process may have.
class Place final {
public:
    Place() : taken_(encoders.fetch_add(1, std::memory_order_relaxed) < encoders_max) {}
    ~Place() { encoders.fetch_sub(1, std::memory_order_relaxed); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    bool taken() const { return taken_; }

private:
    bool taken_;
};

class Gzip final : public Encoder {
public:
    explicit Gzip(std::unique_ptr<Place> place) : place_(std::move(place))
    {
        if (deflateInit2(&stream_, gzip_level, Z_DEFLATED, gzip_window_bits, gzip_memory_level, Z_DEFAULT_STRATEGY) !=
            Z_OK)
            throw std::bad_alloc();
    }
    ~Gzip() override { deflateEnd(&stream_); }
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;

    void encode(std::string_view bytes, Then then, std::string& out) override
    {
        // zlib's type is not const, but it does not write there.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        int flush = then == Then::finish ? Z_FINISH : then == Then::flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;
        do {
            std::size_t begin = out.size();
            out.resize(begin + output_step);
            stream_.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
            stream_.avail_out = static_cast<uInt>(output_step);
            GH_ASSERT(deflate(&stream_, flush) != Z_STREAM_ERROR);
            out.resize(out.size() - stream_.avail_out);
        } while (stream_.avail_out == 0);
    }

private:
    std::unique_ptr<Place> place_;
    z_stream stream_{};
};

class Brotli final : public Encoder {
public:
    explicit Brotli(std::unique_ptr<Place> place)
        : place_(std::move(place)), state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr))
    {
        if (!state_)
            throw std::bad_alloc();
        BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_QUALITY, brotli_quality);
        BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_LGWIN, brotli_window_bits);
    }

    void encode(std::string_view bytes, Then then, std::string& out) override
    {
        const auto* next = reinterpret_cast<const std::uint8_t*>(bytes.data());
        std::size_t left = bytes.size();
        BrotliEncoderOperation operation = then == Then::finish  ? BROTLI_OPERATION_FINISH
                                           : then == Then::flush ? BROTLI_OPERATION_FLUSH
                                                                 : BROTLI_OPERATION_PROCESS;
        do {
            std::size_t space = 0;
            if (!BrotliEncoderCompressStream(state_.get(), operation, &left, &next, &space, nullptr, nullptr))
                throw std::bad_alloc();
            std::size_t size = 0;
            const std::uint8_t* made = BrotliEncoderTakeOutput(state_.get(), &size);
            out.append(reinterpret_cast<const char*>(made), size);
        } while (left > 0 || BrotliEncoderHasMoreOutput(state_.get()) == BROTLI_TRUE);
    }

private:
    struct Destroy {
        void operator()(BrotliEncoderState* state) const { BrotliEncoderDestroyInstance(state); }
    };
    std::unique_ptr<Place> place_;
    std::unique_ptr<BrotliEncoderState, Destroy> state_;
};

}  // namespace

std::string_view name_of(Coding coding)
{
    switch (coding) {
    case Coding::gzip: return "gzip";
    case Coding::brotli: return "br";
    case Coding::identity: break;
    }
    return "identity";
}

std::unique_ptr<Encoder> make_encoder(Coding coding)
{
    if (coding == Coding::identity)
        return nullptr;
    auto place = std::make_unique<Place>();
    if (!place->taken())
        return nullptr;
    if (coding == Coding::brotli)
        return std::make_unique<Brotli>(std::move(place));
    return std::make_unique<Gzip>(std::move(place));
}

}  // namespace gatehouse::gateway
