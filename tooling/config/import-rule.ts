import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * Who may import whom. Apps and tooling may import every package; nobody imports an app. `common` and `stories` are not
 * published: what uses them has them built in.
 */
const mayImport: Record<string, readonly string[]> = {
  common: [],
  formats: ["common"],
  tokenizer: ["common", "formats"],
  tensor: ["common"],
  nn: ["common", "tensor"],
  gpt: ["common", "formats", "nn", "tensor"],
  train: ["common", "formats", "gpt", "nn", "tensor", "tokenizer"],
  generate: ["common", "gpt", "tensor", "tokenizer"],
  stories: ["common", "gpt", "tensor", "tokenizer", "train"],
};

/** Packages that are built into the package in `directory`: those that it imports and does not depend on once installed. */
export function builtIn(directory: string): string[] {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
  const installed = { ...dependencies, ...peerDependencies };
  return mayImport[basename(directory)].map((name) => `@gpt/${name}`).filter((name) => !(name in installed));
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Packages whose types alone may be imported, tests excepted: they are not there when the code runs. */
const mayImportTypes: Record<string, readonly string[]> = { gpt: ["tokenizer"] };

/** What the package in `directory` may not import, as patterns: in tests, elsewhere, and other than for types. */
export function restrictedNames(directory: string) {
  const name = basename(directory);
  if (!Object.hasOwn(mayImport, name)) throw new Error(`import-rule.ts does not say what ${name} may import`);
  const types = mayImportTypes[name] ?? [];
  const allBut = (...allowed: readonly string[]): string => `^@gpt/(?!(${allowed.join("|")})(/|$))`;
  return {
    inTests: allBut(...mayImport[name], ...types, "config", "testing"),
    always: allBut(...mayImport[name], ...types),
    atRunTime: allBut(...mayImport[name]),
  };
}

/** Files under `target` may import nothing under `from` but what is in `except`, which is relative to `from`. */
export interface Zone {
  readonly target: string;
  readonly from: string;
  readonly except?: string[];
  readonly message: string;
}

/** Sources import no test helper, and the rooms of `@gpt/tensor` as `tensorZones` says. */
export function zones(directory: string): Zone[] {
  const message = "test/ is for tests alone.";
  return [{ target: join(directory, "src"), from: join(directory, "test"), message }, ...tensorZones(directory)];
}

/**
 * The zones of `@gpt/tensor`: `ops/` and `core/` know no backend; a backend knows the contract and the plain helpers
 * beside it, no other backend; the contract knows the helpers alone. Other packages have none.
 */
function tensorZones(directory: string): Zone[] {
  const source = join(directory, "src");
  const backends = join(source, "backends");
  if (!existsSync(backends)) return [];
  const helpers = readdirSync(source).filter((name) => name.endsWith(".ts") && name !== "index.ts");
  const ofUsers = ["core", "ops", "testing"].map((name) => ({
    target: join(source, name),
    from: backends,
    message: `${name}/ imports no backend: it runs on any.`,
  }));
  const ofBackends = readdirSync(backends).map((name) => ({
    target: join(backends, name),
    from: source,
    except: ["contract", "generated", ...helpers, `backends/${name}`],
    message: "A backend imports the contract and the plain helpers, nothing else.",
  }));
  const ofContract = {
    target: join(source, "contract"),
    from: source,
    except: ["contract", ...helpers],
    message: "The contract imports the plain helpers, nothing else.",
  };
  return [...ofUsers, ...ofBackends, ofContract];
}
