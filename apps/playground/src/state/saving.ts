import type { MadeFile } from "../engine/api/made-file.ts";
import { settled } from "./engine.ts";
import type { Loading, Settled } from "./engine.ts";

/** A file that is made for the browser to save: its name, once the browser has it. */
export type Saving = Loading<string>;

/** Lets the browser save a file once it is made. */
export function save(made: Promise<MadeFile>): Promise<Settled<string>> {
  return settled((async () => {
    const { name, blob } = await made;
    const { downloadBlob } = await import("@gpt/formats/web");
    downloadBlob(name, blob);
    return name;
  })());
}
