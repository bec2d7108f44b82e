import { Utf8Decoder } from "@gpt/train/node";
import { CommandError } from "./errors.ts";

/** Bytes of a text that is read whole; longer ones are files, which `--data` takes. */
const maxBytes = 2 ** 28;

/** The text of standard input, by the rule for files of data: valid UTF-8; a byte order mark at its beginning is no text. */
export async function readStandardInput(): Promise<string> {
  const decoder = new Utf8Decoder();
  const decode = (chunk: Uint8Array, last?: boolean): string => {
    try {
      return decoder.decode(chunk, last);
    } catch (error) {
      throw new CommandError(`standard input: ${(error as Error).message}; convert it to UTF-8`, { cause: error });
    }
  };
  let text = "";
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new CommandError(`standard input has more than ${maxBytes} bytes; give it in parts`);
    text += decode(chunk);
  }
  return text + decode(new Uint8Array(), true);
}
