/** The script of a worker. It is bundled into one file, and that embedded. */
import { serve } from "./serve.ts";

serve();
