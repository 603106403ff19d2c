// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>

namespace gatehouse {

prometheus::Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels)
{
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels);
}

prometheus::Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels)
{
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels);
}

prometheus::Histogram& Metrics::duration(const std::string& name, const std::string& help, const Labels& labels)
{
    static const prometheus::Histogram::BucketBoundaries bounds{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                                0.5,   0.75, 1,     2.5,  5,     7.5, 10};
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(labels, bounds);
}

void Metrics::add(std::shared_ptr<const prometheus::Collectable> source)
{
    std::lock_guard guard(mutex_);
    sources_.push_back(std::move(source));
}

std::string Metrics::serialize() const
{
    auto families = registry_.Collect();
    std::lock_guard guard(mutex_);
    for (const auto& source : sources_)
        std::ranges::move(source->Collect(), std::back_inserter(families));
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace gatehouse
