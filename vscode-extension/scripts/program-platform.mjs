// For which platforms a program is, by its first bytes: a package for one platform must not carry the program of another.

const ELF_MACHINES = { 62: "x64", 183: "arm64", 40: "armhf" };
const MACH_O_MACHINES = { 16777223: "x64", 16777228: "arm64" };
const PE_MACHINES = { 34404: "x64", 43620: "arm64" };

/** How many bytes are looked at. */
export const HEAD = 4096;

/**
 * The targets of VS Code that a program may be for, like `linux-x64`; none where it is no program that is known.
 *
 * @param {Buffer} head Its first bytes.
 * @returns {string[]}
 */
export function targetsOf(head) {
  if (head.length < 64) return [];
  if (head.readUInt32BE(0) === 0x7f454c46) {
    const machine = ELF_MACHINES[head.readUInt16LE(18)];
    return machine === undefined ? [] : [`linux-${machine}`, `alpine-${machine}`];
  }
  if (head.readUInt32LE(0) === 0xfeedfacf) {
    const machine = MACH_O_MACHINES[head.readUInt32LE(4)];
    return machine === undefined ? [] : [`darwin-${machine}`];
  }
  if (head.toString("latin1", 0, 2) === "MZ") {
    const place = head.readUInt32LE(0x3c);
    const isWhole = place + 6 <= head.length && head.toString("latin1", place, place + 4) === "PE\0\0";
    const machine = isWhole ? PE_MACHINES[head.readUInt16LE(place + 4)] : undefined;
    return machine === undefined ? [] : [`win32-${machine}`];
  }
  return [];
}
