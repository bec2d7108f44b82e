/** The script of a worker that calls a BLAS. It is bundled into one file, and that embedded. */
import { serve } from "../runtime/serve.ts";
import { nativeKernels } from "./kernels.ts";
import { openLibrary } from "./library.ts";
import type { LibraryPlace } from "./library.ts";

/** What the kernels of a worker are made from. */
export interface NativeAssignment {
  readonly place: LibraryPlace;
  readonly module: WebAssembly.Module;
}

serve((exports, memory, assigned) => {
  const { place, module } = assigned as NativeAssignment;
  const library = openLibrary(place, true);
  if (!library) throw new Error("the library is gone");
  return nativeKernels(exports, module, memory, library.productOn(memory));
});
