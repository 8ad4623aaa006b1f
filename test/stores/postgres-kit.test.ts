import { postgres } from "./families/sql.ts";
import { kitOf } from "./families/kit-of.ts";

kitOf(postgres);
