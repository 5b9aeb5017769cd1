// A unified diff as files with their lines.

export type Kind = "added" | "removed" | "same" | "hunk" | "file" | "gone" | "careful" | "about";
export interface Line { kind: Kind; text: string; old: number | null; fresh: number | null }
export interface FileDiff { name: string; lines: Line[]; added: number; removed: number }

/** Each line with its kind. A hunk says how long it is, so no content passes for a heading. */
export function lines(text: string): Line[] {
  let [old, fresh, atOld, atFresh] = [0, 0, 0, 0];
  return text.replace(/\n$/, "").split("\n").map((line): Line => {
    if (old > 0 || fresh > 0) {
      const sign = line[0];
      const kind: Kind = sign === "+" ? "added" : sign === "-" ? "removed" : "same";
      const row: Line = { kind, text: line, old: null, fresh: null };
      if (sign === "\\") return row;
      if (sign !== "+") { old -= 1; row.old = atOld++; }
      if (sign !== "-") { fresh -= 1; row.fresh = atFresh++; }
      return row;
    }
    const hunk = line.match(/^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/);
    if (hunk) {
      [old, fresh, atOld, atFresh] = [Number(hunk[2] ?? 1), Number(hunk[4] ?? 1), Number(hunk[1]), Number(hunk[3])];
      return { kind: "hunk", text: line, old: null, fresh: null };
    }
    const kind: Kind = /^(---|\+\+\+) /.test(line) ? "file" : line.startsWith("removed ") ? "gone" : /^(look closely|conflict):/.test(line) ? "careful" : "about";
    return { kind, text: line, old: null, fresh: null };
  });
}

/** The lines by file; what belongs to none stands first, under no name. */
export function files(all: Line[]): FileDiff[] {
  const found: FileDiff[] = [];
  const begin = (name: string) => { const file = { name, lines: [], added: 0, removed: 0 } as FileDiff; found.push(file); return file; };
  let current: FileDiff | null = null;
  for (let at = 0; at < all.length; at += 1) {
    const line = all[at]!;
    const next = all[at + 1];
    if (line.kind === "file" && line.text.startsWith("--- ") && next?.kind === "file") {
      const [before, after] = [line.text.slice(4), next.text.slice(4)];
      current = begin((after === "/dev/null" ? before : after).replace(/^[ab]\//, ""));
      at += 1;
      continue;
    }
    if (!current || (line.kind !== "added" && line.kind !== "removed" && line.kind !== "same" && line.kind !== "hunk")) {
      if (!current || current.name !== "") current = begin("");
    }
    current.lines.push(line);
    if (line.kind === "added") current.added += 1;
    if (line.kind === "removed") current.removed += 1;
  }
  return found;
}
