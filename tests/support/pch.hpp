// SPDX-License-Identifier: Apache-2.0
// The precompiled header of the test programs: the program's own, and GoogleTest.
#pragma once

#include "base/pch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
