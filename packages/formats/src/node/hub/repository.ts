import { FormatError } from "../../errors.ts";
import { mostAnswerBytes, readRepository } from "../../hub-repository.ts";
import type { Repository } from "../../hub-repository.ts";
import type { Answer, HubRequests } from "./requests.ts";

/** Asks what files a repository has. */
export async function askRepository(requests: HubRequests, name: string, revision: string): Promise<Repository> {
  const url = `${requests.settings.endpoint}/api/models/${name}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const what = `model ${name} at revision ${revision}`;
  const bytes = await requests.ask({ url, repository: name, what }, (answer) => whole(answer, what));
  return readRepository(bytes, name, url);
}

async function whole({ status, chunks }: Answer, what: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (status !== 200) throw new FormatError("download-failed", `${what}: the server answers ${status}`);
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length > mostAnswerBytes) throw new FormatError("download-failed", `${what}: the answer has more than ${mostAnswerBytes} bytes`);
  }
  const bytes = new Uint8Array(length);
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}
