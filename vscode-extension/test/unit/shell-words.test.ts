import assert from "node:assert/strict";
import { test } from "node:test";
import { joinWords, quoteWord, splitWords, UnclosedQuote } from "../../src/shell-words";

test("words are split as a shell splits them", () => {
  const cases: [string, string[]][] = [
    ["", []],
    ["  a  b\tc\n", ["a", "b", "c"]],
    ["'a b' \"c d\"e", ["a b", "c de"]],
    ["'' x \"\"", ["", "x", ""]],
    ["a\\ b \\'", ["a b", "'"]],
    ['"\\$a \\n \\"" \'\\\'', ['$a \\n "', "\\"]],
    ["NAME='x y'z", ["NAME=x yz"]],
    ["ünï 'cödé'", ["ünï", "cödé"]],
  ];
  for (const [text, words] of cases) assert.deepEqual(splitWords(text), words, text);
});

test("what is not closed is an error", () => {
  for (const text of ["'a", '"a', "a\\", '"\\']) assert.throws(() => splitWords(text), UnclosedQuote, text);
});

test("quoted words are split into themselves", () => {
  const words = ["", "a", "a b", "it's", "$HOME", 'a"b', "\\", "{a,b}", "a=b", "--x=1", "*", "a\nb", "ü", "#"];
  for (const word of words) assert.deepEqual(splitWords(quoteWord(word)), [word]);
  assert.deepEqual(splitWords(joinWords(words)), words);
  assert.equal(joinWords(["run", "a:b", "X=1", "--dry-run"]), "run a:b X=1 --dry-run");
});
