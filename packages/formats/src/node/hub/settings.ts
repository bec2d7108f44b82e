import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { callback, flag, numberThat, objectWith, readOptions, text, valueThat } from "@gpt/common/expectations";
import type { Expectations } from "@gpt/common/expectations";
import { FormatError } from "../../errors.ts";
import { pathExpected } from "../path.ts";
import { readRegularFile } from "../regular-file.ts";

/** How far a download is, of all the files that it takes. */
export interface DownloadProgress {
  /** The file that is being downloaded, by its path in the repository. */
  readonly file: string;
  /** Bytes that are on the disk, those of earlier attempts among them. */
  readonly bytes: number;
  /** Bytes of all files that were not in the cache. */
  readonly totalBytes: number;
}

/**
 * How files are brought from the Hugging Face hub. The defaults of most are what the environment says to Hugging Face's own
 * tools.
 */
export interface HubOptions {
  /** A branch, tag or commit. Default: what the name says behind `@`, else `main`. */
  readonly revision?: string;
  /** Called while bytes arrive. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Gets a sentence for what the caller might want to know: that the hub cannot be reached, and the cache is used. */
  readonly onNote?: (note: string) => void;
  /** Ends the download; what has arrived is kept, and the next one continues there. */
  readonly signal?: AbortSignal;
  /** The cache. Default: `HF_HUB_CACHE`, else `HF_HOME/hub`, else `~/.cache/huggingface/hub`. */
  readonly cacheDirectory?: string;
  /** The address of the hub. Default: `HF_ENDPOINT`, else `https://huggingface.co`. */
  readonly endpoint?: string;
  /** For private and gated repositories. Default: `HF_TOKEN`, else what `hf auth login` left; "" for none. */
  readonly token?: string;
  /** Whether the cache alone is read. Default: `HF_HUB_OFFLINE`. */
  readonly offline?: boolean;
  /** Seconds without a byte after which a connection is given up. Default: `HF_HUB_DOWNLOAD_TIMEOUT`, else 30. */
  readonly stallSeconds?: number;
  /** Seconds before the first repetition of a request that failed; doubled for each further one. Default 1. @internal */
  readonly retrySeconds?: number;
}

const positive = numberThat("above 0", (value) => value > 0 && value < 1e6);

const expectations: Expectations<HubOptions> = {
  revision: text,
  onProgress: callback,
  onNote: callback,
  signal: objectWith("an AbortSignal", "throwIfAborted()"),
  cacheDirectory: pathExpected,
  endpoint: valueThat("an address that begins with http:// or https://", isWebAddress),
  token: text,
  offline: flag,
  stallSeconds: positive,
  retrySeconds: positive,
};

/** Options with all defaults. */
export type HubSettings = Required<Omit<HubOptions, "revision" | "signal">> & Pick<HubOptions, "revision" | "signal">;

type Environment = Readonly<Record<string, string | undefined>>;

/** Options, and what they leave out as the environment has it. Throws `invalid-input`. */
export async function hubSettings(call: string, options?: HubOptions, environment: Environment = process.env): Promise<HubSettings> {
  const invalid = (problem: string): FormatError => new FormatError("invalid-input", `${call}: ${problem}`);
  const given = readOptions<HubOptions>(options, expectations, invalid);
  const endpoint = (given.endpoint ?? (environment.HF_ENDPOINT || "https://huggingface.co")).replace(/\/+$/, "");
  if (!isWebAddress(endpoint)) throw invalid(`HF_ENDPOINT must be an address that begins with http:// or https://, not ${endpoint}`);
  const token = (given.token ?? (await savedToken(environment))).trim();
  // Anything else would become another header, or none.
  if (!/^[\x21-\x7e]*$/.test(token)) throw invalid("the token has characters that no token has; copy it again");
  const seconds = Number(environment.HF_HUB_DOWNLOAD_TIMEOUT);
  return {
    onProgress: () => {},
    onNote: () => {},
    offline: isTrue(environment.HF_HUB_OFFLINE || environment.TRANSFORMERS_OFFLINE),
    stallSeconds: seconds > 0 && seconds < 1e6 ? seconds : 30,
    retrySeconds: 1,
    ...given,
    cacheDirectory: resolve(given.cacheDirectory ?? cacheOf(environment)),
    endpoint,
    token,
  };
}

function isWebAddress(value: unknown): boolean {
  return typeof value === "string" && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

/** As constants.py of huggingface_hub has it. */
function cacheOf(environment: Environment): string {
  const own = environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE;
  return own ? expanded(own, environment) : join(homeOf(environment), "hub");
}

function homeOf(environment: Environment): string {
  const { HF_HOME, XDG_CACHE_HOME } = environment;
  return expanded(HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface"), environment);
}

/** A path with `~` and variables as Python's `expanduser` and `expandvars` replace them. */
function expanded(path: string, environment: Environment): string {
  return path
    .replace(/^~(?=$|[/\\])/, homedir())
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain?: string, braced?: string) => environment[plain ?? braced ?? ""] ?? whole);
}

const mostTokenBytes = 4096;

async function savedToken(environment: Environment): Promise<string> {
  const given = environment.HF_TOKEN || environment.HUGGING_FACE_HUB_TOKEN;
  if (given) return given;
  if (isTrue(environment.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return "";
  const path = expanded(environment.HF_TOKEN_PATH || join(homeOf(environment), "token"), environment);
  const bytes = await readRegularFile(path, mostTokenBytes);
  return bytes ? new TextDecoder().decode(bytes) : "";
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((value ?? "").toUpperCase());
}
