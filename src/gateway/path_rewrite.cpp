// SPDX-License-Identifier: Apache-2.0
#include "gateway/path_rewrite.hpp"

#include <algorithm>

namespace gatehouse::gateway {

namespace {

// Where segment `index` (from 0) of the path begins, with the slash before it; the path's size when there is none.
std::size_t begin_of(std::string_view path, std::size_t index)
{
    std::size_t at = 0;
    for (; index > 0 && at < path.size(); --index)
        at = std::min(path.find('/', at + 1), path.size());
    return at;
}

std::string_view segment_of(std::string_view path, std::size_t index)
{
    std::size_t begin = begin_of(path, index);
    return path.substr(begin, begin_of(path, index + 1) - begin);
}

}  // namespace

std::vector<std::string_view> parameters_of(std::string_view path)
{
    std::vector<std::string_view> names;
    while (true) {
        std::size_t begin = path.find('{');
        std::size_t end = path.find('}', begin);
        if (begin == std::string_view::npos || end == std::string_view::npos)
            return names;
        names.push_back(path.substr(begin + 1, end - begin - 1));
        path.remove_prefix(end + 1);
    }
}

PathRewrite::PathRewrite(const RoutePattern& route, std::string_view path) : segments_(route.segments.size())
{
    Piece piece;
    for (const std::string& segment : split_path(path)) {
        auto named = std::ranges::find(route.segments, segment);
        if (is_parameter(segment) && named != route.segments.end()) {
            piece.segment = 1 + static_cast<std::size_t>(named - route.segments.begin());
            pieces_.push_back(std::move(piece));
            piece = {};
        } else {
            piece.text.append("/").append(segment);
        }
    }
    if (!piece.text.empty())
        pieces_.push_back(std::move(piece));
}

void PathRewrite::apply(std::string& target) const
{
    std::string_view path = std::string_view(target).substr(0, target.find('?'));
    std::string rewritten;
    rewritten.reserve(target.size() + 64);
    for (const Piece& piece : pieces_) {
        rewritten += piece.text;
        if (piece.segment != 0)  // with its slash
            rewritten += segment_of(path, piece.segment - 1);
    }
    rewritten.append(target, begin_of(path, segments_));
    if (!rewritten.starts_with('/'))
        rewritten.insert(0, 1, '/');
    target = std::move(rewritten);
}

}  // namespace gatehouse::gateway
