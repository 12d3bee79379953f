/** Where hpke.js lies. The build puts the address of the script that it makes of it here. */

export const HPKE = new URL("./hpke.js", import.meta.url);
