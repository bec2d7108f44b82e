import { Command } from "commander";
import type { CachedModel } from "@gpt/formats/hub";
import { formatBytes } from "../format.ts";
import { formatRows } from "../info/rows.ts";
import type { Row } from "../info/rows.ts";
import { Output } from "../output.ts";

interface Options {
  readonly json?: boolean;
}

const examples = `
Examples:
  gpt models
  gpt models rm openai-community/gpt2`;

export function modelsCommand(): Command {
  const remove = new Command("rm")
    .description("Delete models from the cache, with all their revisions")
    .argument("<names...>", "as `gpt models` shows them")
    .option("--json", "print one JSON object for each: {removed, bytes}")
    .addHelpText("after", "\nExample:\n  gpt models rm openai-community/gpt2")
    // With --json in front of `rm`, the option is the outer command's.
    .action((names: string[], _, command: Command) => removeModels(names, command.optsWithGlobals()));
  return new Command("models")
    .description("List models that were downloaded from the Hugging Face hub, with their sizes, or delete them")
    .option("--json", "print one JSON object for each: {name, bytes, incompleteBytes, revisions, path}")
    .addHelpText("after", examples)
    .action(listModels)
    .addCommand(remove);
}

async function listModels(options: Options): Promise<void> {
  const output = new Output(options);
  // What downloads is loaded where it is used.
  const { listCachedModels } = await import("@gpt/formats/hub");
  const models = await listCachedModels();
  for (const model of models) output.record(model);
  const total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  if (models.length === 0) output.text("The cache has no models.\n");
  else output.text(formatRows([...models.map(row), ["", ""], ["together", formatBytes(total)]], process.stdout.columns));
}

function row({ name, bytes, incompleteBytes, revisions }: CachedModel): Row {
  const commits = revisions.map(({ commit, names }) => [commit.slice(0, 8), ...names].join(" "));
  const incomplete = incompleteBytes > 0 ? [`${formatBytes(incompleteBytes)} of it incomplete`] : [];
  return [`${name} `, [formatBytes(bytes), ...incomplete, ...commits].join(", ")];
}

async function removeModels(names: readonly string[], options: Options): Promise<void> {
  const output = new Output(options);
  const { removeCachedModel } = await import("@gpt/formats/hub");
  for (const name of names) {
    const bytes = await removeCachedModel(name);
    output.note(`${name} is deleted: ${formatBytes(bytes)} are free`);
    output.record({ removed: name, bytes });
  }
}
