import { join } from "node:path";
import { repository, run } from "./commands.ts";

const playground = join(repository, "apps/playground");

/** Builds the playground as it is published, into a folder. Its model is made where there is none. */
export async function buildPlayground(folder: string): Promise<void> {
  const env = { ...process.env, NODE_ENV: undefined };
  await run(process.execPath, ["--conditions=@gpt/source", "scripts/make-model.ts"], playground, env);
  const vite = join(playground, "node_modules/vite/bin/vite.js");
  await run(process.execPath, [vite, "build", "--emptyOutDir", "--outDir", folder], playground, env);
}
