// Control characters, and the invisible ones that reorder or hide what is read, are written out.

const ODD = /((?![\n\t])[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}])/u;

/** The text in pieces: every second one is a sign that would not be seen, as its number. */
export function pieces(text: string): string[] {
  return text.split(ODD).map((piece, index) => (index % 2 ? `\\u{${piece.codePointAt(0)!.toString(16)}}` : piece));
}

export const hasOdd = (text: string) => ODD.test(text);
