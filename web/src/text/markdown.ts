// Markdown as a tree of marked's tokens. Only its lexer is used: nothing here makes HTML.
//
// INVARIANT: a token becomes elements of ours with text in them. HTML in the text stays text, an
// image becomes a link, and a link leads to http, https or mailto or is no link.

import { Lexer, type Token, type Tokens } from "marked";

export type { Token, Tokens };

/** Longer than this, a text is shown as it stands: nobody reads it as a page. */
const CHARS_MAX = 60_000;
/** A run of signs as long as this is no emphasis but somebody's attempt to keep us busy. */
const AWKWARD = /([*_`[\]<>!\\~|])\1{200,}/;
const MANY = /(?:[*_`[\]<>~]\S{0,2}\s?){1500,}/;

export function parse(text: string): Token[] {
  if (text.length > CHARS_MAX || AWKWARD.test(text) || MANY.test(text)) return [{ type: "plain", raw: text, text } as Tokens.Generic];
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
