# SPDX-License-Identifier: Apache-2.0
# make run     install what is missing, build, and start every role in the foreground: it prints where to click
# make test    install what is missing, and run every test
.PHONY: help setup build run test lint tidy bench package golden clean

help:
	@sed -n '2,3p' $(MAKEFILE_LIST) | sed 's/^# //'
	@echo 'make build   build/gatehouse, optimized'
	@echo 'make lint    format, includes, scripts, and clang-tidy over what changed; make tidy: over everything'
	@echo 'make bench   the benchmarks (installs the programs that they compare with)'
	@echo 'make package the Debian package, in build/package'
	@echo 'make golden  write the generated pages again'

setup:
	tools/setup build

build: setup
	cmake --preset release -DGATEHOUSE_WERROR=ON $(if $(VERBOSE),,--log-level=WARNING)
	cmake --build build --target gatehouse

run: build
	build/gatehouse serve $(ARGS)

test:
	tools/setup test
	tools/run_tests

lint:
	tools/setup build
	tools/lint

tidy:
	tools/setup build
	tools/lint --all

bench: build
	tools/setup bench
	bench/gateway/run

package: build
	tools/package

golden: build
	tools/update_golden

clean:
	rm -rf build
