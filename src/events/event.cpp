// SPDX-License-Identifier: Apache-2.0
// The text form, after CloudEvents 1.0 ("JSON Event Format"), with the distributed tracing extension:
//
//   {"specversion":"1.0", "id":"…", "source":"/files", "type":"file.uploaded", "subject":"…",
//    "time":"2026-11-24T03:41:00.123Z", "datacontenttype":"application/json", "traceparent":"00-…", "data":{…}}
#include "events/event.hpp"

#include <fmt/format.h>

#include <charconv>

namespace gatehouse::events {

namespace {

constexpr std::size_t attribute_bytes_max = 1024;

// Reads fixed-width numbers off the front of a text.
class TimeReader {
public:
    explicit TimeReader(std::string_view text) : rest_(text) {}

    int number(std::size_t digits)
    {
        int value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            int digit = i < rest_.size() ? rest_[i] - '0' : -1;
            if (digit < 0 || digit > 9)
                return fail();
            value = value * 10 + digit;
        }
        rest_.remove_prefix(digits);
        return value;
    }
    void expect(char c)
    {
        if (!accept(c))
            fail();
    }
    bool accept(char c)
    {
        if (rest_.empty() || rest_.front() != c)
            return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
    bool finished_well() const { return good_ && rest_.empty(); }

private:
    int fail()
    {
        good_ = false;
        rest_ = {};
        return 0;
    }

    std::string_view rest_;
    bool good_ = true;
};

// RFC 3339; digits beyond the millisecond are cut off.
std::optional<TimePoint> parse_time(std::string_view text)
{
    using namespace std::chrono;
    TimeReader reader(text);
    auto y = year{reader.number(4)};
    reader.expect('-');
    auto m = month{static_cast<unsigned>(reader.number(2))};
    reader.expect('-');
    auto d = day{static_cast<unsigned>(reader.number(2))};
    reader.expect('T');
    int hour = reader.number(2);
    reader.expect(':');
    int minute = reader.number(2);
    reader.expect(':');
    int second = reader.number(2);
    int ms = 0;
    if (reader.accept('.')) {
        for (int unit = 100; unit == 100 || reader.at_digit(); unit /= 10)
            ms += reader.number(1) * unit;
    }
    minutes offset{0};
    if (!reader.accept('Z')) {
        bool west = reader.accept('-');
        if (!west)
            reader.expect('+');
        int offset_hour = reader.number(2);
        reader.expect(':');
        int offset_minute = reader.number(2);
        if (offset_hour > 23 || offset_minute > 59)
            return std::nullopt;
        offset = hours{offset_hour} + minutes{offset_minute};
        if (west)
            offset = -offset;
    }
    auto date = year_month_day{y, m, d};
    // 60 is a leap second.
    if (!reader.finished_well() || !date.ok() || hour > 23 || minute > 59 || second > 60)
        return std::nullopt;
    return sys_days{date} + hours{hour} + minutes{minute} - offset + seconds{second} + milliseconds{ms};
}

// The attribute's text; "" when it is absent and not required.
Result<std::string, std::string> attribute(const json::object& object, std::string_view name, bool required)
{
    const json::value* value = object.if_contains(name);
    if (!value && !required)
        return std::string{};
    if (!value)
        return std::unexpected(fmt::format("the attribute \"{}\" is missing", name));
    if (!value->is_string())
        return std::unexpected(fmt::format("the attribute \"{}\" is not a string", name));
    auto text = std::string(value->get_string());
    if (text.size() > attribute_bytes_max)
        return std::unexpected(fmt::format("the attribute \"{}\" is too long", name));
    if (required && text.empty())
        return std::unexpected(fmt::format("the attribute \"{}\" is empty", name));
    return text;
}

}  // namespace

std::string to_json(const Event& event)
{
    json::object object;
    object["specversion"] = "1.0";
    object["id"] = event.id;
    object["source"] = event.source;
    object["type"] = event.type;
    if (!event.subject.empty())
        object["subject"] = event.subject;
    object["time"] = format_rfc3339(event.time);
    object["datacontenttype"] = "application/json";
    if (!event.traceparent.empty())
        object["traceparent"] = event.traceparent;
    object["data"] = event.data;
    return json::serialize(object);
}

Result<Event, std::string> parse_event(std::string_view text)
{
    auto value = parse_json(text);
    if (!value)
        return std::unexpected(value.error());
    const json::object* object = value->if_object();
    if (!object)
        return std::unexpected("an event is a JSON object");
    if (find_string(*object, "specversion") != "1.0")
        return std::unexpected("\"specversion\" is not \"1.0\"");

    Event event;
    struct Attribute {
        std::string_view name;
        std::string Event::* member;
        bool required;
    };
    static constexpr std::array attributes{
        Attribute{"id", &Event::id, true},
        Attribute{"type", &Event::type, true},
        Attribute{"source", &Event::source, true},
        Attribute{"subject", &Event::subject, false},
        Attribute{"traceparent", &Event::traceparent, false},
    };
    for (const Attribute& wanted : attributes) {
        auto found = attribute(*object, wanted.name, wanted.required);
        if (!found)
            return std::unexpected(found.error());
        event.*wanted.member = std::move(*found);
    }

    auto time = attribute(*object, "time", true);
    if (!time)
        return std::unexpected(time.error());
    auto point = parse_time(*time);
    if (!point)
        return std::unexpected("the attribute \"time\" is not an RFC 3339 time");
    event.time = *point;

    if (const json::value* data = object->if_contains("data")) {
        if (!data->is_object())
            return std::unexpected("\"data\" is not an object");
        event.data = data->get_object();
    }
    return event;
}

}  // namespace gatehouse::events
