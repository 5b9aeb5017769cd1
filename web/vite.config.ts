import { svelte } from "@sveltejs/vite-plugin-svelte";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const OUT = "dist/portal";

/** Leaves each file compressed beside itself: the server embeds all three and compresses nothing. */
function compress(): Plugin {
  return {
    name: "compress",
    apply: "build",
    writeBundle(_, bundle) {
      for (const name of Object.keys(bundle).filter((name) => !name.endsWith(".woff2"))) {
        const path = join(OUT, name);
        const plain = readFileSync(path);
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        writeFileSync(`${path}.br`, brotliCompressSync(plain, quality));
        writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
      }
    },
  };
}

/** A library's one inline style, as a class: the policy of the page allows no styles in attributes. */
function withoutInlineStyles(): Plugin {
  return {
    name: "without-inline-styles",
    enforce: "pre",
    transform: {
      filter: { id: /bits-ui.*\.svelte$/ },
      handler: (code) => code.replaceAll('style="display: contents;"', 'class="contents"'),
    },
  };
}

export default defineConfig({
  plugins: [withoutInlineStyles(), svelte(), compress()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2022",
    // Text that is inlined into a style or script could not be named by the policy of the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/v1": process.env.WARDROOM_URL ?? "http://127.0.0.1:8700" } },
});
