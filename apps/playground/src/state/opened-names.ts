import { isHubName } from "@gpt/gpt/web";
import { stored } from "./stored.ts";

/** Names by which models of the hub were opened, the last of each repository: what is kept of it is opened by that name again. */
const openedNames = stored<readonly string[]>("opened-names", read, []);

function read(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((name) => typeof name === "string" && isHubName(name)) : undefined;
}

/** The repository that a name on the hub is of: without a GGUF file in it, and a revision. */
export function repositoryOf(name: string): string {
  return /^[^/]+\/[^/:@]+/.exec(name)?.[0] ?? name;
}

export function noteOpened(name: string): void {
  forgetOpened(repositoryOf(name));
  openedNames.value = [...openedNames.value, name];
}

/** The name by which what is kept of a repository is opened. */
export function openedNameOf(repository: string): string {
  return openedNames.value.find((name) => repositoryOf(name) === repository) ?? repository;
}

export function forgetOpened(repository: string): void {
  openedNames.value = openedNames.value.filter((name) => repositoryOf(name) !== repository);
}
