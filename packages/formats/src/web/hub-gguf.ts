import { quote } from "@gpt/common";
import { about, FormatError } from "../errors.ts";
import { isPlainName } from "../files/output-file.ts";
import { readWhole } from "../files/read-file.ts";
import { chooseGGUF } from "../gguf/choose.ts";
import type { GGUFChoice } from "../hub-names.ts";
import { mostAnswerBytes, readRepository } from "../hub-repository.ts";
import { openUrlFolder } from "./url-folder.ts";
import type { UrlFolderOptions } from "./url-folder.ts";

export { chooseGGUF };

/**
 * The path of the GGUF file of a repository that is meant, or undefined where it is none; see `chooseGGUF`. What the hub says of the repository is kept as
 * files are, so that it is known offline.
 */
export async function ggufOnHub(
  endpoint: string, name: string, revision: string, choice: GGUFChoice | undefined, options: UrlFolderOptions | undefined,
): Promise<string | undefined> {
  if (!isPlainName(revision)) {
    if (!choice) return undefined;
    throw new FormatError("invalid-input", `${name}: of the revision ${quote(revision)} name the file itself, as in ${name}/model.gguf@${revision}`);
  }
  const folder = await openUrlFolder(`${endpoint}/api/models/${name}/revision/?blobs=true`, { ...options, onProgress: undefined });
  const answer = await folder.open(revision);
  // Another server may have folders alone.
  if (!answer && !choice) return undefined;
  if (!answer) throw new FormatError("not-found", `${endpoint} has no model ${name} at revision ${revision}; check the name`);
  const { files } = readRepository(await readWhole(answer, mostAnswerBytes), name, answer.name);
  await answer.close();
  try {
    return chooseGGUF(new Set(files.keys()), choice)?.[0];
  } catch (error) {
    throw error instanceof FormatError ? about(name, error) : error;
  }
}
