import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { hubSettings } from "./settings.ts";

const home = homedir();

// As src/huggingface_hub/constants.py of huggingface_hub has them.
test.each<[Record<string, string>, string]>([
  [{}, join(home, ".cache/huggingface/hub")],
  [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
  [{ XDG_CACHE_HOME: "/x", HF_HOME: "/y" }, "/y/hub"],
  [{ HF_HOME: "~/y" }, join(home, "y/hub")],
  [{ HF_HOME: "/y", HUGGINGFACE_HUB_CACHE: "/z" }, "/z"],
  [{ HF_HUB_CACHE: "$BASE/${NAME}", HUGGINGFACE_HUB_CACHE: "/z", BASE: "/a", NAME: "b" }, "/a/b"],
  [{ HF_HUB_CACHE: "" }, join(home, ".cache/huggingface/hub")],
])("%j: the cache is %s", async (environment, directory) => {
  expect((await hubSettings("x", { token: "" }, environment)).cacheDirectory).toBe(directory);
});

test("the token is the environment's, else the file's that logging in leaves, and the option goes before", async () => {
  const folder = await mkdtemp(join(tmpdir(), "hub-home-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "token"), "hf_file\n");
  await writeFile(join(folder, "other"), "hf_other");
  const tokenOf = async (environment: Record<string, string>, token?: string): Promise<string> =>
    (await hubSettings("x", { token }, { HF_HOME: folder, ...environment })).token;
  expect(await tokenOf({})).toBe("hf_file");
  expect(await tokenOf({ HF_TOKEN_PATH: join(folder, "other") })).toBe("hf_other");
  expect(await tokenOf({ HF_TOKEN: "hf_own" })).toBe("hf_own");
  expect(await tokenOf({ HUGGING_FACE_HUB_TOKEN: "hf_old" })).toBe("hf_old");
  expect(await tokenOf({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).toBe("");
  expect(await tokenOf({ HF_TOKEN: "hf_own" }, "hf_given")).toBe("hf_given");
  expect(await tokenOf({ HF_TOKEN: "hf_own" }, "")).toBe("");
});

test("offline, endpoint and time are the environment's", async () => {
  const settings = async (environment: Record<string, string>) => hubSettings("x", { token: "" }, environment);
  expect(await settings({})).toMatchObject({ offline: false, endpoint: "https://huggingface.co", stallSeconds: 30 });
  for (const yes of ["1", "on", "YES", "True"]) expect((await settings({ HF_HUB_OFFLINE: yes })).offline).toBe(true);
  expect((await settings({ TRANSFORMERS_OFFLINE: "1" })).offline).toBe(true);
  expect((await settings({ HF_HUB_OFFLINE: "0" })).offline).toBe(false);
  expect((await settings({ HF_ENDPOINT: "https://mirror.example/hf/" })).endpoint).toBe("https://mirror.example/hf");
  expect((await settings({ HF_HUB_DOWNLOAD_TIMEOUT: "7" })).stallSeconds).toBe(7);
  await expect(settings({ HF_ENDPOINT: "mirror" })).rejects.toThrow("x: HF_ENDPOINT must be an address that begins with http:// or https://, not mirror");
});
