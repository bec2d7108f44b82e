import { join } from "node:path";
import { architectures, modelCard } from "@gpt/gpt";
import type { GPT, ModelCardOptions } from "@gpt/gpt";
import { textFile } from "@gpt/formats";
import { isHubName, listFolder, publishFiles, readRegularFile } from "@gpt/formats/node";
import { exists } from "./files.ts";
import type { Output } from "./output.ts";

const cardName = "README.md";

/** Writes a model's card into its folder, where there is none: one that is there may be the user's. `output` is told that. */
export async function addModelCard(directory: string, model: GPT, about: ModelCardOptions, output?: Output): Promise<void> {
  const names = (await listFolder(directory)) ?? [];
  const present = names.find((name) => name.toLowerCase() === cardName.toLowerCase());
  if (present !== undefined) return output?.remark(`${join(directory, present)} is there already, and stays as it is`);
  await publishFiles(directory, [textFile(cardName, modelCard(model, architectures, about))]);
}

const maxCardBytes = 2 ** 20;

/** The license that the card of a model's folder names, where it has one that does. */
export async function licenseIn(directory: string): Promise<string | undefined> {
  if ((await listFolder(directory)) === undefined) return undefined;
  const bytes = await readRegularFile(join(directory, cardName), maxCardBytes).catch(() => undefined);
  const [, frontMatter = ""] = /^---\r?\n(.*?)\r?\n---\r?$/ms.exec(new TextDecoder().decode(bytes)) ?? [];
  return asLicense(/^license:[ \t]*(["']?)([^"'\s]+)\1[ \t]*\r?$/m.exec(frontMatter)?.[2]);
}

/** The identifier of a license; undefined for a text that is none. */
export function asLicense(text: string | undefined): string | undefined {
  return text !== undefined && /^[a-z\d][\w.+-]{0,95}$/i.test(text) ? text : undefined;
}

/** The repository on the hub that `--model` names, `OWNER/NAME`; undefined for a path. */
export async function repositoryOf(given: string): Promise<string | undefined> {
  const isPath = (await exists(given)) || !isHubName(given);
  return isPath ? undefined : /^[^/]+\/[^/:@]+/.exec(given)?.[0];
}

/** What a model was made from, in Markdown: its repository, or else what it is called. */
export function sourceLink(repository: string | undefined, name: string): string {
  return repository === undefined ? code(name) : `[${repository}](https://huggingface.co/${repository})`;
}

/** A path or a name as code in Markdown, on one line. */
export function code(text: string): string {
  return `\`${text.replace(/[\s`]+/g, " ").trim()}\``;
}
