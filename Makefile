# SPDX-License-Identifier: Apache-2.0
# The two commands of the README, and what they are made of. Each does its own set-up on a fresh Debian 12.

.PHONY: setup build run test lint bench clean

setup:
	tools/setup build

build: setup
	cmake --preset release
	cmake --build --preset release

run: build
	build/gatehouse serve

test:
	tools/test

lint:
	tools/setup build
	tools/lint

bench:
	tools/setup bench
	$(MAKE) build
	bench/gateway/run

clean:
	rm -rf build
