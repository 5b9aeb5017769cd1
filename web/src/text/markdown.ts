// Markdown as a tree of marked's tokens. Only its lexer is used: nothing here makes HTML.
//
// INVARIANT: a token becomes elements of ours with text in them. HTML in the text stays text, an
// image becomes a link, and a link leads to http, https or mailto or is no link.

import { Lexer, type Token, type Tokens } from "marked";

export type { Token, Tokens };

/** Longer than this, a text is shown as it stands: nobody reads it as a page. */
const CHARS_MAX = 60_000;
/** So many signs in a row are no emphasis but somebody's attempt to keep us busy: */
const RUN_MAX = 200;
/** the same one again and again, or any of them with hardly a word in between. */
const CLOSE_MAX = 1000;
const SIGNS = new Set("*_`[]<>~");
const MORE_SIGNS = new Set("!\\|");

/** Whether a text is awkward to read as Markdown. It takes one look at each letter: an expression that
 *  could go back would itself be what keeps us busy. */
function isAwkward(text: string): boolean {
  let [same, close, last] = [0, 0, -9];
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]!;
    const counts = SIGNS.has(sign);
    if (!counts && !MORE_SIGNS.has(sign)) continue;
    same = text[at - 1] === sign ? same + 1 : 1;
    if (counts) {
      close = at - last <= 4 ? close + 1 : 1;
      last = at;
    }
    if (same > RUN_MAX || close > CLOSE_MAX) return true;
  }
  return false;
}

export function parse(text: string): Token[] {
  if (text.length > CHARS_MAX || isAwkward(text)) return [{ type: "plain", raw: text, text } as Tokens.Generic];
  try {
    return new Lexer({ gfm: true, breaks: true }).lex(text);
  } catch {
    return [{ type: "plain", raw: text, text } as Tokens.Generic];
  }
}

/** Where a link leads, if we let it lead anywhere. */
export function target(href: string): string | null {
  const url = URL.canParse(href) ? new URL(href) : null;
  return url && ["https:", "http:", "mailto:"].includes(url.protocol) ? url.href : null;
}
