package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"syscall"
	"time"
)

// Linux's names for these (linux/if_packet.h, linux/if_ether.h); package syscall has none of them.
const (
	packetVnetHeader     = 15
	packetIgnoreOutgoing = 23
	receiveBufferForce   = 33
	everyProtocol        = 0x0003
	vnetHeaderLength     = 10
	socketBuffer         = 32 << 20
	largestFrame         = 1<<16 + 256
	queuedFrames         = 1 << 16
)

// lineRules say what a line does to frames, the same in both directions.
type lineRules struct {
	delay time.Duration
	loss  float64
	rate  float64 // bits per second; 0 is no limit
	queue float64 // bytes that may wait for the rate
}

// port is one end of the line: a raw socket on an interface.
type port struct {
	fd      int
	address syscall.SockaddrLinklayer
}

type frame struct {
	bytes []byte
	due   time.Time
}

// runLine carries Ethernet frames between two interfaces with delay, loss and a rate, as netem
// would, on kernels that have no netem. Frames keep their offload header (PACKET_VNET_HDR), so a
// 64 KiB segment crosses in one piece and a line of several Gbit/s costs little.
func runLine(args []string) error {
	flags := flag.NewFlagSet("line", flag.ExitOnError)
	left := flags.String("left", "", "one interface")
	right := flags.String("right", "", "the other interface")
	rules := lineRules{}
	flags.DurationVar(&rules.delay, "delay", 0, "one-way delay")
	flags.Float64Var(&rules.loss, "loss", 0, "share of frames lost, 0 to 1")
	flags.Float64Var(&rules.rate, "rate", 0, "bits per second, 0 for no limit")
	flags.Float64Var(&rules.queue, "queue", 4<<20, "bytes that may wait for the rate")
	if err := flags.Parse(args); err != nil {
		return err
	}
	a, err := openPort(*left)
	if err != nil {
		return fmt.Errorf("%s: %w", *left, err)
	}
	b, err := openPort(*right)
	if err != nil {
		return fmt.Errorf("%s: %w", *right, err)
	}
	broken := make(chan error, 2)
	go func() { broken <- carry(a, b, rules) }()
	go func() { broken <- carry(b, a, rules) }()
	return <-broken
}

func openPort(name string) (*port, error) {
	found, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	protocol := networkOrder(everyProtocol)
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, int(protocol))
	if err != nil {
		return nil, err
	}
	options := []struct{ level, name, value int }{
		{syscall.SOL_PACKET, packetVnetHeader, 1},
		{syscall.SOL_PACKET, packetIgnoreOutgoing, 1},
		{syscall.SOL_SOCKET, receiveBufferForce, socketBuffer},
	}
	for _, option := range options {
		if err := syscall.SetsockoptInt(fd, option.level, option.name, option.value); err != nil {
			return nil, err
		}
	}
	address := syscall.SockaddrLinklayer{Protocol: protocol, Ifindex: found.Index}
	return &port{fd, syscall.SockaddrLinklayer{Ifindex: found.Index}}, syscall.Bind(fd, &address)
}

func networkOrder(value uint16) uint16 { return value<<8 | value>>8 }

// carry moves frames from one port to the other until the first one fails.
func carry(from, to *port, rules lineRules) error {
	waiting := make(chan frame, queuedFrames)
	defer close(waiting)
	go deliver(to, waiting)
	buffer := make([]byte, largestFrame)
	var free time.Time // when the line has sent all that it took so far
	for {
		length, _, err := syscall.Recvfrom(from.fd, buffer, 0)
		if errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.ENETDOWN) {
			continue
		}
		if err != nil {
			return err
		}
		var taken bool
		if free, taken = rules.admit(free, time.Now(), length-vnetHeaderLength); !taken {
			continue
		}
		select {
		case waiting <- frame{append([]byte(nil), buffer[:length]...), free.Add(rules.delay)}:
		default: // more than the line can hold: lost, as in any full queue
		}
	}
}

// admit says when the line will have sent a frame of so many bytes, and whether it takes it at all.
func (r lineRules) admit(free, now time.Time, length int) (time.Time, bool) {
	if r.loss > 0 && rand.Float64() < r.loss {
		return free, false
	}
	if free.Before(now) {
		free = now
	}
	if r.rate == 0 {
		return free, true
	}
	if free.Sub(now).Seconds()*r.rate/8 > r.queue {
		return free, false
	}
	return free.Add(time.Duration(float64(length*8) / r.rate * float64(time.Second))), true
}

// deliver sleeps on a thread of its own: the runtime's timers may be a millisecond late.
func deliver(to *port, waiting <-chan frame) {
	runtime.LockOSThread()
	for next := range waiting {
		// Again and again: the runtime's own signals wake it early when the machine is busy.
		for early := time.Until(next.due); early > 20*time.Microsecond; early = time.Until(next.due) {
			pause := syscall.NsecToTimespec(int64(early))
			_ = syscall.Nanosleep(&pause, nil)
		}
		// A frame that the other side does not take is lost; there is nobody to tell.
		_ = syscall.Sendto(to.fd, next.bytes, 0, &to.address)
	}
}
