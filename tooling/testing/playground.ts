import { join } from "node:path";
import { repository, run } from "./commands.ts";

const playground = join(repository, "apps/playground");

/** Builds the playground as it is published, into a folder. */
export async function buildPlayground(folder: string): Promise<void> {
  const env = { ...process.env, NODE_ENV: undefined };
  const vite = join(playground, "node_modules/vite/bin/vite.js");
  await run(process.execPath, [vite, "build", "--emptyOutDir", "--outDir", folder], playground, env);
}
