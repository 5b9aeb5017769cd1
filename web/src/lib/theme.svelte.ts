// Light or dark: as the system says, unless the person has said otherwise.

import { keep, recall } from "./memory";

export type Theme = "system" | "light" | "dark";

class Look {
  chosen = $state<Theme>(recall<Theme>("theme") ?? "system");
  private dark = matchMedia("(prefers-color-scheme: dark)");

  start() {
    this.apply();
    this.dark.addEventListener("change", () => this.apply());
  }

  choose(theme: Theme) {
    this.chosen = theme;
    keep("theme", theme === "system" ? null : theme);
    this.apply();
  }

  next() { this.choose(this.chosen === "system" ? "light" : this.chosen === "light" ? "dark" : "system"); }

  private apply() {
    const isDark = this.chosen === "dark" || (this.chosen === "system" && this.dark.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  }
}

export const look = new Look();
