package netlog

// The chain from a request to its socket:
//
//	URL_REQUEST ↔ HTTP_STREAM_JOB → SOCKET                     HTTP/1.1, first use in HTTP/2
//	                              → HTTP2_SESSION → SOCKET     further use in HTTP/2
//	                              → CONNECT_JOB ← SOCKET       connections that failed
//	            → QUIC_SESSION                                 HTTP/3
//
// Its links come in any order, so each new one makes the reader try the whole
// chain again.

// A streamJob is the middle of the chain.
type streamJob struct {
	request, socket, http2, connect int64 // ids of sources
	group                           string
}

func (j *streamJob) setRequest(id int64) { j.request = id }
func (j *streamJob) setSocket(id int64)  { j.socket = id }
func (j *streamJob) setHTTP2(id int64)   { j.http2 = id }
func (j *streamJob) setConnect(id int64) { j.connect = id }

// A connectJob opens sockets for a pool.
type connectJob struct {
	group   string
	sockets []int64
}

// jobLink enters the source that an event of a stream job names.
func (rd *reader) jobLink(set func(*streamJob, int64)) func(*Event) error {
	return func(e *Event) error {
		// Controllers take part in some of these events; the jobs say the same.
		if e.SourceType != "HTTP_STREAM_JOB" {
			return nil
		}
		d, err := params[dependency](e)
		if err != nil {
			return err
		}
		j, _ := rd.jobs.add(e.SourceID)
		set(j, d.Source.ID)
		rd.attribute(j)
		return nil
	}
}

// jobGroup names the pool that a job wants a socket of. Connect jobs of
// WebSockets do not tell theirs.
func (rd *reader) jobGroup(e *Event) error {
	p, err := params[struct {
		Group string `json:"group_id"`
	}](e)
	if err != nil || e.SourceType != "HTTP_STREAM_JOB" {
		return err
	}
	j, _ := rd.jobs.add(e.SourceID)
	j.group = origin(p.Group)
	return nil
}

func (rd *reader) requestBound(e *Event) error {
	d, err := params[dependency](e)
	if err != nil {
		return err
	}
	j, _ := rd.jobs.add(d.Source.ID)
	j.request = e.SourceID
	rd.attribute(j)
	return nil
}

// socketInUse names the job that a socket was given to.
func (rd *reader) socketInUse(e *Event) error {
	d, err := params[dependency](e)
	if err != nil || e.Phase != Begin || rd.sources[d.Source.Type] != "HTTP_STREAM_JOB" {
		return err
	}
	j, _ := rd.jobs.add(d.Source.ID)
	j.socket = e.SourceID
	rd.attribute(j)
	return nil
}

func (rd *reader) http2Initialized(e *Event) error {
	d, err := params[dependency](e)
	if err == nil && d.Source.ID != 0 {
		socket, _ := rd.http2.add(e.SourceID)
		*socket = d.Source.ID
	}
	return err
}

func (rd *reader) connectJobCreated(e *Event) error {
	p, err := params[struct {
		Group string `json:"group_id"`
	}](e)
	if err != nil {
		return err
	}
	c, _ := rd.connects.add(e.SourceID)
	c.group = origin(p.Group)
	return nil
}

// attribute ties the request of a job to the socket, if both are known.
func (rd *reader) attribute(j *streamJob) {
	q := rd.requests.get(j.request)
	if q == nil {
		return
	}
	socket := j.socket
	if session := rd.http2.get(j.http2); session != nil && socket == 0 {
		socket = *session
	}
	if socket != 0 {
		rd.own(q, socket)
		if s := rd.sockets.get(socket); s != nil && s.Group == "" && j.socket != 0 {
			s.Group = j.group
		}
	} else if c := rd.connects.get(j.connect); c != nil {
		for _, id := range c.sockets {
			rd.own(q, id)
		}
	}
}

func (rd *reader) own(q *request, id int64) {
	q.Socket = id
	s := rd.sockets.get(id)
	if s == nil {
		return
	}
	if s.Annotation == 0 {
		s.Annotation = q.Annotation
	}
	s.Owners = rd.join(s.Owners, q.ID)
}
