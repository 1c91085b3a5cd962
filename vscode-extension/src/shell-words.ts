/** Words of a command line, as a POSIX shell would split them, without any expansion. */

/** A quote or an escape that is not closed. */
export class UnclosedQuote extends Error {}

/**
 * Splits what a person typed into words: blanks separate, quotes and backslashes keep together.
 *
 * @throws {UnclosedQuote} A quote is not closed, or a backslash ends the text.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (quote === "'") {
      if (letter === "'") quote = undefined;
      else word += letter;
    } else if (letter === "\\") {
      at += 1;
      if (at >= text.length) throw new UnclosedQuote("the text ends with a backslash");
      const next = text.charAt(at);
      const isKept = quote === '"' && !'"\\$`'.includes(next);
      word = (word ?? "") + (isKept ? `\\${next}` : next);
    } else if (quote === '"') {
      if (letter === '"') quote = undefined;
      else word += letter;
    } else if (letter === "'" || letter === '"') {
      quote = letter;
      word ??= "";
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + letter;
    }
  }
  if (quote !== undefined) throw new UnclosedQuote(`a ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}

/** A word as it has to be typed so that a POSIX shell reads it as this one word. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./{}-]+$/.test(word) && !/^[{}]|[{}],/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command line for people to read. */
export function joinWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}
