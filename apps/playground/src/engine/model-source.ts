import type { ModelSource } from "./api/model.ts";
import { EngineError } from "./failure.ts";

let shipped: { readonly address: string; readonly file: Promise<File> } | undefined;

/** What the packages open for a source, and how. The page's own file is fetched once, for its vocabulary and its weights. */
export async function opened(source: ModelSource) {
  switch (source.kind) {
    case "shipped":
      if (shipped?.address !== source.address) shipped = { address: source.address, file: fetchFile(source.address) };
      return { source: await shipped.file, options: {} } as const;
    case "hub":
      return { source: source.name, options: { offline: source.isKept === true, ...authorized(source.token) } } as const;
    case "files":
      return { source: source.files, options: {} } as const;
    case "host":
      return { source: source.address, options: { keep: false } } as const;
  }
}

const authorized = (token: string | undefined) => (token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });

async function fetchFile(address: string): Promise<File> {
  try {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    return new File([await response.blob()], address.slice(address.lastIndexOf("/") + 1));
  } catch (cause) {
    shipped = undefined;
    throw new EngineError({ code: "download-failed", message: `${address}: ${(cause as Error).message}` });
  }
}
