# SPDX-License-Identifier: Apache-2.0
"""tools/check_includes finds what it is there to find: python3 tests/lint/check_includes_test.py"""
import importlib.machinery
import importlib.util
import pathlib
import tempfile
import unittest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "check_includes"
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "// What it is.\n#pragma once\n"


def load():
    loader = importlib.machinery.SourceFileLoader("check_includes", str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_includes", loader))
    loader.exec_module(module)
    return module


check_includes = load()


class CheckIncludesTest(unittest.TestCase):
    def errors_of(self, files):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for name, text in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                if len(path.relative_to(root).parts) > 2:
                    (path.parent / "README.md").write_text("why")
            return check_includes.Checker(root).run()

    def assert_one(self, files, what):
        errors = self.errors_of(files)
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(what, errors[0])

    def test_good_tree_has_no_errors(self):
        self.assertEqual(self.errors_of({
            "src/base/a.hpp": HEADER,
            "src/files/file_store.hpp": HEADER + '#include "base/a.hpp"\n',
            "src/worker/w.cpp": SPDX + '#include "files/file_store.hpp"\n#include <vector>\n',
            "src/app/cli.hpp": HEADER,
            "src/app/app.cpp": SPDX + '#include "files/file_store.hpp"\n',
            "src/main.cpp": SPDX + '#include "app/cli.hpp"\n',
        }), [])

    def test_upward_include(self):
        self.assert_one({"src/http/h.hpp": HEADER, "src/base/a.cpp": SPDX + '#include "http/h.hpp"\n'},
                        "base may not include http/h.hpp")

    def test_sideways_include(self):
        self.assert_one({"src/files/files.hpp": HEADER, "src/gateway/g.cpp": SPDX + '#include "files/files.hpp"\n'},
                        "gateway may not include files/files.hpp")

    def test_private_header_of_a_role(self):
        self.assert_one({"src/auth/user_store.hpp": HEADER, "src/app/a.cpp": SPDX + '#include "auth/user_store.hpp"\n'},
                        "app may not include auth/user_store.hpp")

    def test_driver_in_two_files(self):
        self.assert_one({"src/sql/a.cpp": SPDX + "#include <sqlite3.h>\n", "src/sql/b.cpp": SPDX + "#include <sqlite3.h>\n"},
                        "<sqlite3.h> is src/sql/a.cpp's alone")

    def test_driver_in_a_header_and_its_source(self):
        self.assertEqual(self.errors_of({
            "src/sql/a.hpp": HEADER + "#include <sqlite3.h>\n",
            "src/sql/a.cpp": SPDX + "#include <sqlite3.h>\n",
        }), [])

    def test_cycle(self):
        self.assert_one({"src/base/a.hpp": HEADER + '#include "base/b.hpp"\n',
                         "src/base/b.hpp": HEADER + '#include "base/a.hpp"\n'}, "includes itself")

    def test_old_header_suffix(self):
        self.assert_one({"src/base/a.h": SPDX}, "sources end in .cpp and .hpp")

    def test_missing_licence_line(self):
        self.assert_one({"src/base/a.cpp": "int a;\n"}, "SPDX")

    def test_header_without_a_word_about_itself(self):
        self.assert_one({"src/base/a.hpp": SPDX + "#pragma once\n"}, "a header begins with")

    def test_long_file(self):
        self.assert_one({"src/base/a.cpp": SPDX + "int a;\n" * 600}, "at most 600")

    def test_spawn_outside_of_a_group(self):
        self.assert_one({"src/files/a.cpp": SPDX + "void f() { asio::co_spawn(e, t(), d); }\n"}, "TaskGroup")

    def test_folder_without_readme(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            (root / "src" / "base").mkdir(parents=True)
            self.assertIn("README.md is missing", check_includes.Checker(root).run()[0])


if __name__ == "__main__":
    unittest.main()
