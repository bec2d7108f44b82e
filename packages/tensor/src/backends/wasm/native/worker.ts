/** The script of a worker that calls a BLAS. It is bundled into one file, and that embedded. */
import { serve } from "../runtime/serve.ts";
import { nativeKernels } from "./kernels.ts";
import { openLibrary } from "./library.ts";
import type { LibraryPlace } from "./library.ts";

serve((exports, memory, place) => {
  const library = openLibrary(place as LibraryPlace, true);
  if (!library) throw new Error("the library is gone");
  return nativeKernels(exports, library.productOn(memory));
});
