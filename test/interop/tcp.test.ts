/** TCP between a stack of ours and the kernel, over each kind of wire. */
import { scenario } from './scenario.ts';

scenario('TCP over TAP with vnet header', 'tcp-child.ts', ['tap'], 60);
scenario('TCP over TAP without vnet header', 'tcp-child.ts', ['tap-plain'], 60);
scenario('TCP over AF_PACKET with vnet header', 'tcp-child.ts', ['packet'], 60);
scenario('TCP over AF_PACKET without vnet header', 'tcp-child.ts', ['packet-plain'], 60);
