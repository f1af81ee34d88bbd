#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""What proto/gen.py refuses in a schema, and that equal schemas give equal files."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "proto"))
import gen  # noqa: E402


def parsed(text):
    schema = gen.Parser("s", text).parse()
    gen.check(schema)
    return schema


class Refused(unittest.TestCase):
    def refused(self, text, why):
        with self.assertRaises(gen.SchemaError) as caught:
            parsed(text)
        self.assertIn(why, str(caught.exception))

    def test_a_number_twice(self):
        self.refused("message m { 1 a u8 1 b u8 }", "s:1: m: 1 b is there already")

    def test_a_name_twice(self):
        self.refused("message m { 1 a u8\n 2 a u8 }", "s:2: m: 2 a is there already")

    def test_a_message_an_enum_and_a_limit_twice(self):
        self.refused("message m { } message m { }", "message m is there already")
        self.refused("enum e { a 0 } enum e { a 0 }", "enum e is there already")
        self.refused("limit L 1 limit L 2", "limit L is there already")

    def test_an_enum_value_twice(self):
        self.refused("enum e { a 0 a 1 }", "a 1 is there already")
        self.refused("enum e { a 0 b 0 }", "b 0 is there already")

    def test_field_numbers_outside_the_fixint(self):
        self.refused("message m { 0 a u8 }", "not between 1 and 127")
        self.refused("message m { 128 a u8 }", "not between 1 and 127")

    def test_unknown_types(self):
        self.refused("message m { 1 a thing }", "no message thing")
        self.refused("message m { 1 a enum thing }", "no enum thing")
        self.refused("message m { 1 a id thing }", "no id thing")

    def test_unknown_and_later_limits(self):
        self.refused("message m { 1 a str<=L } limit L 5", "no limit L before this line")

    def test_bounds_that_are_none(self):
        self.refused("message m { 1 a str<=0 }", "0 is no bound")
        self.refused("message m { 1 a list<=4294967296 u8 }", "is no bound")

    def test_messages_that_contain_themselves_inline(self):
        self.refused("message m { 1 a m }", "m > m contains itself")
        self.refused("message a { 1 b b } message b { 1 c c } message c { 1 a a }", "contains itself")

    def test_nesting_that_no_reader_accepts(self):
        chain = "".join(f"message m{i} {{ 1 a m{i + 1} }}\n" for i in range(16)) + "message m16 { 1 a u8 }"
        self.refused(chain, "nests deeper than 16")

    def test_lists_of_lists_and_of_optionals(self):
        self.refused("message m { 1 a list<=2 list<=2 u8 }", "cannot be")
        self.refused("message n { } message m { 1 a list<=2 n? }", "cannot be")

    def test_a_field_that_is_a_lists_count(self):
        self.refused("message m { 1 a_count u8 2 a list<=2 u8 }", "a_count is the list's own count")

    def test_unknown_flags_and_signs(self):
        self.refused("message m { 1 a u8 requird }", "unexpected 'requird'")
        self.refused("message m { 1 a u8 ; }", "unexpected ';'")


class Accepted(unittest.TestCase):
    def test_messages_that_hold_themselves_by_pointer_or_in_a_list(self):
        parsed("message m { 1 a m? 2 b list<=2 m }")

    def test_inline_messages_are_defined_before_they_are_used(self):
        schema = parsed("message a { 1 b b } message b { 1 c u8 }")
        self.assertEqual([message.name for message in gen.ordered(schema)], ["b", "a"])

    def test_limits_multiply_and_name_bounds(self):
        schema = parsed("limit L 4 limit M 2 * L message m max M * 8 { 1 a str<=M }")
        self.assertEqual(schema.limits["M"][0], 8)
        self.assertEqual(schema.messages["m"].max, 64)
        self.assertEqual(schema.messages["m"].fields[0].type.max, 8)

    def test_keywords_get_an_underscore_in_c_alone(self):
        field = parsed("message m { 1 static u8 }").messages["m"].fields[0]
        self.assertEqual((field.name, field.c_name), ("static", "static_"))

    def test_output_follows_from_the_schema_alone(self):
        with open(os.path.join(HERE, "test.schema"), encoding="utf-8") as file:
            text = file.read()
        one, other = parsed(text), parsed(text)
        self.assertEqual(gen.header(one, "x"), gen.header(other, "x"))
        self.assertEqual(gen.source(one, "x"), gen.source(other, "x"))
        self.assertEqual(gen.markdown(one), gen.markdown(other))


if __name__ == "__main__":
    unittest.main()
