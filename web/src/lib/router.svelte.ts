// Where we are: the address, and links that change it without loading the page anew.

class Place {
  path = $state(location.pathname);
  query = $state(location.search);

  /** The parts of the address: `/tasks/task_1` is `["tasks", "task_1"]`. */
  get parts() { return this.path.split("/").filter(Boolean); }
  get params() { return new URLSearchParams(this.query); }

  go(to: string, replaces = false) {
    const url = new URL(to, location.origin);
    if (url.href === location.href) return;
    history[replaces ? "replaceState" : "pushState"](null, "", url);
    this.read();
    if (!replaces) document.querySelector("#main")?.scrollTo(0, 0);
  }

  read() {
    this.path = location.pathname;
    this.query = location.search;
  }
}

export const place = new Place();

/** Whether a click means: go there, here. */
function isPlain(event: MouseEvent) {
  return event.button === 0 && !event.defaultPrevented && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
}

export function followLinks() {
  addEventListener("popstate", () => place.read());
  document.addEventListener("click", (event) => {
    const link = (event.target as Element | null)?.closest?.("a[href]") as HTMLAnchorElement | null;
    if (!link || !isPlain(event) || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || url.pathname.startsWith("/v1/")) return;
    event.preventDefault();
    place.go(url.href);
  });
}
