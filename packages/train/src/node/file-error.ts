import { TrainError } from "../errors.ts";

/** The error for a file that could not be opened or read. */
export function fileError(path: string, cause: unknown): TrainError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "ENOENT") return new TrainError("missing-file", `there is no file ${path}; check the path`, { cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TrainError("unreadable-file", `${path} cannot be read: ${reason}`, { cause });
}
