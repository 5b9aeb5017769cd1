import { vitePreprocess } from "@sveltejs/vite-plugin-svelte";

export default {
  preprocess: vitePreprocess(),
  // Elements are made one by one: the page has no need of a parser for HTML, and its policy
  // (`trusted-types 'none'`) allows none.
  compilerOptions: { fragments: "tree", runes: undefined },
};
