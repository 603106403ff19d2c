// SPDX-License-Identifier: Apache-2.0
#include "app/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <fmt/format.h>

#include <sstream>

namespace gatehouse::app {

namespace {

YamlError error_at(const YAML::Mark& mark, std::string what)
{
    return {mark.line + 1, mark.column + 1, std::move(what)};
}

// Builds the tree from the parser's events. Throws YamlError for what we refuse.
class TreeBuilder final : public YAML::EventHandler {
public:
    YamlNode take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        refuse(mark, {}, anchor);
        add(node_at(mark, YamlNode::Kind::null));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override
    {
        throw error_at(mark, "anchors and aliases are not supported");
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override
    {
        refuse(mark, tag, anchor);
        YamlNode node = node_at(mark, YamlNode::Kind::scalar);
        node.text = value;
        node.quoted = tag == "!";
        add(std::move(node));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override
    {
        open(mark, tag, anchor, YamlNode::Kind::list);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override
    {
        open(mark, tag, anchor, YamlNode::Kind::map);
    }
    void OnMapEnd() override { close(); }

private:
    static YamlNode node_at(const YAML::Mark& mark, YamlNode::Kind kind)
    {
        YamlNode node;
        node.kind = kind;
        node.line = mark.line + 1;
        node.column = mark.column + 1;
        return node;
    }

    // The parser reports "?" for a plain scalar or collection and "!" for a quoted scalar.
    static void refuse(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor)
    {
        if (anchor != YAML::NullAnchor)
            throw error_at(mark, "anchors and aliases are not supported");
        if (!tag.empty() && tag != "?" && tag != "!")
            throw error_at(mark, fmt::format("the tag {} is not supported", tag));
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind)
    {
        refuse(mark, tag, anchor);
        if (open_.size() == yaml_depth_max)
            throw error_at(mark, "nested too deeply");
        open_.push_back(node_at(mark, kind));
    }

    void close()
    {
        YamlNode node = std::move(open_.back());
        open_.pop_back();
        add(std::move(node));
    }

    void add(YamlNode node)
    {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        YamlNode& parent = open_.back();
        if (parent.kind == YamlNode::Kind::list || parent.keys.size() > parent.items.size()) {
            parent.items.push_back(std::move(node));
            return;
        }
        if (node.kind != YamlNode::Kind::scalar)
            throw YamlError{node.line, node.column, "a key must be a word"};
        parent.keys.push_back(std::move(node));
    }

    YamlNode root_;
    std::vector<YamlNode> open_;
};

}  // namespace

Result<YamlNode, YamlError> parse_yaml(std::string_view text)
{
    if (text.size() > yaml_bytes_max)
        return std::unexpected(YamlError{1, 1, "larger than 1 MiB"});
    std::istringstream stream{std::string(text)};
    TreeBuilder builder;
    try {
        YAML::Parser parser(stream);
        if (!parser.HandleNextDocument(builder))
            return YamlNode{};
        YamlNode root = builder.take();
        if (parser.HandleNextDocument(builder))
            return std::unexpected(YamlError{1, 1, "holds more than one document"});
        return root;
    } catch (const YamlError& error) {
        return std::unexpected(error);
    } catch (const YAML::Exception& error) {
        return std::unexpected(error_at(error.mark, "not valid YAML: " + error.msg));
    }
}

}  // namespace gatehouse::app
