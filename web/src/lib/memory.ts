// What the browser keeps between visits: what was typed, and how the person likes it.

export function recall<T>(key: string): T | null {
  try { return JSON.parse(localStorage.getItem(`wardroom.${key}`) ?? "null") as T | null; } catch { return null; }
}

export function keep(key: string, value: unknown) {
  try {
    if (value === null || value === undefined || value === "") localStorage.removeItem(`wardroom.${key}`);
    else localStorage.setItem(`wardroom.${key}`, JSON.stringify(value));
  } catch { /* A browser that keeps nothing still works. */ }
}
