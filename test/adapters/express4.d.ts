// The alias under which Express 4 is installed has no types of its own; what is used here is the same in both.
declare module "express4" {
  import express from "express";
  export default express;
}
