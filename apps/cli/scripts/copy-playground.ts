/** Copies the built playground into the package that is about to be packed: `gpt playground` serves it. */
import { cp, rm, stat } from "node:fs/promises";
import { join } from "node:path";

const apps = join(import.meta.dirname, "../..");
const built = join(apps, "playground/dist");
const packed = join(apps, "cli/dist/playground");

await stat(join(built, "index.html")).catch((cause: unknown) => {
  throw new Error("the playground is not built: run `turbo run build` first", { cause });
});
await rm(packed, { recursive: true, force: true });
await cp(built, packed, { recursive: true });
